package kube

import (
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// IsGone reports whether err means that the object does not exist in a cluster that serves its kind. If the kind is not served, perhaps because
// it is the wrong cluster, it returns false.
func IsGone(err error) bool {
	if !apierrors.IsNotFound(err) {
		return false
	}
	var status apierrors.APIStatus
	return errors.As(err, &status) && !hasCause(status.Status(), metav1.CauseTypeUnexpectedServerResponse)
}
