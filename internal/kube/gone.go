package kube

import (
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// IsGone reports whether err says that the object does not exist, in a cluster that knows its kind. Where the kind is not served,
// perhaps because this is another cluster, nothing is said about the object.
func IsGone(err error) bool {
	if !apierrors.IsNotFound(err) {
		return false
	}
	var status apierrors.APIStatus
	return errors.As(err, &status) && !hasCause(status.Status(), metav1.CauseTypeUnexpectedServerResponse)
}
