package kube

import (
	"errors"
	"regexp"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// When the provider checks plans with a dry run.
const (
	DryRunAuto     = "auto"     // if possible
	DryRunNever    = "never"    // nowhere
	DryRunRequired = "required" // always; it is an error if that is not possible
)

// DryRuns are the values of dry_run.
var DryRuns = []string{DryRunAuto, DryRunNever, DryRunRequired}

// DryRunAdvice is added to errors of a dry run.
const DryRunAdvice = "The API server checked the plan without storing anything (dry run). If the same apply fixes this first, set dry_run = \"never\" in the " +
	"provider block. A destroy also begins with such a plan: run it with -refresh=false or KUBE_DRY_RUN=never."

// DryRunDiagnostics is like Diagnostics for a dry run ("create", "patch", "get").
func DryRunDiagnostics(verb string, o Object, err error, at func(field string) (path.Path, bool)) diag.Diagnostics {
	undone := map[string]string{"create": "cannot be created", "patch": "cannot be updated", "get": "cannot be read"}[verb]
	return diagnostics(verb, o, err, undone, "\n\n"+DryRunAdvice, at)
}

// IsNamespaceGone reports whether err says that the object's namespace does not exist.
func IsNamespaceGone(err error) bool {
	var status apierrors.APIStatus
	return apierrors.IsNotFound(err) && errors.As(err, &status) && status.Status().Details != nil && status.Status().Details.Kind == "namespaces"
}

// IsUnanswered reports whether err is not about the request itself: the API server was not reached, was too busy, or failed.
func IsUnanswered(err error) bool {
	var request *requestError
	return errors.As(err, &request) && (!isStatus(err) || retryable(err) != never)
}

// IsTaken reports whether err says that a quota is exhausted, or that a port or an address is already allocated.
func IsTaken(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "exceeded quota") ||
		apierrors.IsInvalid(err) && strings.Contains(err.Error(), "is already allocated")
}

var unknownField = regexp.MustCompile(`unknown field "([^"]+)"`)

// UnknownFields returns the fields that the API server has rejected because the kind's schema lacks them, such as "spec.http[0].retries".
func UnknownFields(err error) (fields []string) {
	if !apierrors.IsBadRequest(err) && !apierrors.IsInvalid(err) {
		return nil
	}
	const mark = "strict decoding error: "
	text := err.Error() // the error of a patch first quotes the patch
	if i := strings.LastIndex(text, mark); i >= 0 {
		for _, m := range unknownField.FindAllStringSubmatch(text[i:], -1) {
			fields = append(fields, m[1])
		}
	}
	return fields
}

// LacksDryRun reports whether err says that a webhook of the cluster does not support dry runs.
func LacksDryRun(err error) bool {
	return apierrors.IsBadRequest(err) && strings.Contains(err.Error(), "does not support dry run")
}
