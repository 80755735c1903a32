package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Diagnostics explains the error of a request (verb is "create", "get", "patch" or "delete"): which object, what failed, what the server said,
// and what to do. at maps a Kubernetes field ("spec.http[0].route[0].weight", "metadata.name") to its attribute. If at is nil or returns false,
// the diagnostic is about the resource. There is one diagnostic for each cause for which an object is rejected.
func Diagnostics(verb string, o Object, err error, at func(field string) (path.Path, bool)) diag.Diagnostics {
	advice := ""
	if Ambiguous(err) && changes(verb) {
		advice = "\n\nThe change may have been made anyway. Plan again to see."
	}
	return diagnostics(verb, o, err, undone(verb), advice, at)
}

func diagnostics(verb string, o Object, err error, undone, advice string, at func(field string) (path.Path, bool)) diag.Diagnostics {
	if err == nil {
		return nil
	}
	var diags diag.Diagnostics
	for _, p := range explain(verb, o, err) {
		detail := p.detail + advice
		summary := fmt.Sprintf("%s %s: %s", o, undone, p.what)
		if p.field != "" && at != nil {
			if attribute, ok := at(p.field); ok {
				diags.AddAttributeError(attribute, summary, detail)
				continue
			}
		}
		diags.AddError(summary, detail)
	}
	return diags
}

// problem is a cause of a failed request.
type problem struct {
	what   string // a few words for the summary
	detail string // sentences: what the server said, where, and what to do
	field  string // the Kubernetes field that causes it, if known
}

func changes(verb string) bool { return verb != "get" && verb != "list" }

func undone(verb string) string {
	switch verb {
	case "create":
		return "not created"
	case "get", "list":
		return "not read"
	case "delete":
		return "not deleted"
	}
	return "not updated"
}

// server names the API server that returned err, as the start of a sentence.
func server(err error) string {
	var request *requestError
	if errors.As(err, &request) && request.attempt.host != "" {
		return "The API server at " + request.attempt.host
	}
	var urlError *url.Error
	if errors.As(err, &urlError) {
		if u, parseErr := url.Parse(urlError.URL); parseErr == nil && u.Host != "" {
			return "The API server at " + u.Host
		}
	}
	return "The API server"
}

func explain(verb string, o Object, err error) []problem {
	var request *requestError
	ended := errors.As(err, &request) && request.end != nil
	var down *DownError
	switch {
	case errors.As(err, &down):
		return one("the API server does not answer", "%s has not answered since %s UTC, so the provider sends it no more requests. The last request ended "+
			"with: %s.\n\nCheck that the cluster is running and reachable, then run Terraform again.",
			server(err), down.Since.UTC().Format(time.TimeOnly), strings.TrimSuffix(down.Last.Error(), "."))
	case errors.Is(err, context.Canceled):
		return []problem{{what: "cancelled", detail: "The operation was cancelled before it finished." + lastAnswer(request)}}
	case ended, errors.Is(err, context.DeadlineExceeded):
		return []problem{{what: "timed out", detail: fmt.Sprintf(
			"%s did not finish within the operation's timeout.%s\n\nCheck the cluster, or increase the resource's timeouts.",
			server(err), lastAnswer(request))}}
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		s := status.Status()
		for _, explainer := range []func(string, Object, error, metav1.Status) []problem{explainAdmission, explainCode} {
			if problems := explainer(verb, o, err, s); problems != nil {
				return problems
			}
		}
		return one("the API server refused", "%s said: %s (HTTP %d).", server(err), said(s), s.Code)
	}
	return explainConnection(err)
}

func one(what, format string, args ...any) []problem {
	return []problem{{what: what, detail: fmt.Sprintf(format, args...)}}
}

func lastAnswer(request *requestError) string {
	if request == nil || request.end == nil {
		return ""
	}
	text := request.error.Error()
	var status apierrors.APIStatus
	if errors.As(request.error, &status) {
		text = fmt.Sprintf("%s (HTTP %d)", said(status.Status()), status.Status().Code)
	}
	return " The last answer was: " + text + "."
}

// said returns the server's message. The plain text of a proxy or an overloaded server is in a cause.
func said(s metav1.Status) string {
	message := s.Message
	if s.Details != nil {
		for _, cause := range s.Details.Causes {
			if cause.Type == metav1.CauseTypeUnexpectedServerResponse && cause.Message != "" && cause.Message != "unknown" && !strings.Contains(message, cause.Message) {
				message += ": " + cause.Message
			}
		}
	}
	return strings.TrimRight(cmp.Or(strings.TrimSpace(message), string(s.Reason), "nothing"), ".")
}

var (
	webhookDenied  = regexp.MustCompile(`(?s)admission webhook "([^"]+)" denied the request(?:: (.*)| without explanation)`)
	policyDenied   = regexp.MustCompile(`(?s)ValidatingAdmissionPolicy '([^']+)'(?: with binding '[^']+')? denied request: (.*)`)
	webhookFailed  = regexp.MustCompile(`(?s)failed calling webhook "([^"]+)": (.*)`)
	forbidden      = regexp.MustCompile(`User "([^"]*)" cannot (\S+) resource "([^"]+)" in API group "([^"]*)"(?: in the namespace "([^"]+)")?`)
	multiErrorHead = regexp.MustCompile(`^\d+ errors? occurred:\s*`)
)

// explainAdmission explains errors of webhooks and policies with any status code.
func explainAdmission(_ string, _ Object, err error, s metav1.Status) []problem {
	if m := webhookDenied.FindStringSubmatch(s.Message); m != nil {
		return one(fmt.Sprintf("refused by the webhook %q", m[1]), "%s", bullets(m[2]))
	}
	if m := policyDenied.FindStringSubmatch(s.Message); m != nil {
		return one(fmt.Sprintf("refused by the ValidatingAdmissionPolicy %q", m[1]), "%s", bullets(m[2]))
	}
	if m := webhookFailed.FindStringSubmatch(s.Message); m != nil {
		who := "Ask whoever runs the webhook to fix it"
		if strings.HasSuffix(m[1], "istio.io") {
			who = "Check that istiod is running and ready: kubectl get pods -n istio-system"
		}
		return one(fmt.Sprintf("the webhook %q does not answer", m[1]),
			"%s calls the webhook %q before it stores the object, and the call failed: %s.\n\n%s.",
			server(err), m[1], strings.TrimSuffix(strings.TrimPrefix(m[2], "failed to call webhook: "), "."), who)
	}
	return nil
}

// bullets returns a webhook's message. If it has several parts, each is on its own line.
func bullets(message string) string {
	message = strings.TrimPrefix(strings.TrimSpace(message), "configuration is invalid: ")
	message = multiErrorHead.ReplaceAllString(message, "")
	var lines []string
	for line := range strings.Lines(message) {
		if line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "* ")); line != "" {
			lines = append(lines, line)
		}
	}
	switch len(lines) {
	case 0:
		return "It gave no explanation. See its log."
	case 1:
		return lines[0]
	}
	return "- " + strings.Join(lines, "\n- ")
}

func explainCode(verb string, o Object, err error, s metav1.Status) []problem {
	switch code := int(s.Code); {
	case code == http.StatusUnauthorized:
		credentials := "the provider's credentials"
		var request *requestError
		if errors.As(err, &request) && request.attempt.credentials != "" {
			credentials = request.attempt.credentials
		}
		return one("not authenticated", "%s does not accept %s: %s (HTTP 401).\n\nThe credentials are wrong, expired or for another cluster. Renew them, or set "+
			"others in the provider block.", server(err), credentials, said(s))
	case code == http.StatusForbidden:
		return explainForbidden(o, err, s)
	case code == http.StatusNotFound:
		return explainNotFound(o, err, s)
	case code == http.StatusConflict:
		return explainConflict(o, err, s)
	case code == http.StatusUnprocessableEntity:
		return explainInvalid(err, s)
	case code == http.StatusTooManyRequests:
		return one("the API server is too busy", "%s accepts no more requests for now: %s (HTTP 429).\n\nRetry later, or with fewer requests at once: terraform "+
			"apply -parallelism=2.", server(err), said(s))
	case code >= http.StatusInternalServerError:
		return one("the API server failed", "%s answered: %s (HTTP %d).\n\nThe API server, or something between it and Terraform, failed. Retry; if the error "+
			"stays, see the API server's log.", server(err), said(s), code)
	}
	return nil
}

func explainForbidden(o Object, err error, s metav1.Status) []problem {
	if hasCause(s, "NamespaceTerminating") {
		return []problem{{what: "its namespace is being deleted", field: "metadata.namespace",
			detail: fmt.Sprintf("The namespace %q is being deleted and accepts no new objects. Wait until it is deleted, then recreate it.", o.Namespace)}}
	}
	m := forbidden.FindStringSubmatch(s.Message)
	if m == nil { // quotas, pod security and other admission plugins explain themselves
		return one("forbidden", "%s said: %s (HTTP 403).\n\nChange the configuration, or ask the cluster's administrators for the missing permission, quota or "+
			"policy.", server(err), said(s))
	}
	user, verb, resource, group, namespace := m[1], m[2], m[3], m[4], m[5]
	role, where := "ClusterRole", "in the whole cluster"
	if namespace != "" {
		role, where = "Role in the namespace "+fmt.Sprintf("%q", namespace), fmt.Sprintf("in the namespace %q", namespace)
	}
	advice := "\n\nTo manage the resource Terraform needs the verbs get, create, patch and delete; to plan only, get."
	if verb == "list" || resource == "namespaces" { // read by a data source
		advice = ""
	}
	return one("forbidden", "%s does not let user %q %s %s %s (HTTP 403).\n\n"+
		"Ask for this rule in a %s that is bound to the user:\n\n"+
		"- apiGroups: [%q]\n  resources: [%q]\n  verbs: [%q]%s",
		server(err), user, verb, resourceName(resource, group), where, role, group, resource, verb, advice)
}

func resourceName(resource, group string) string {
	if group == "" {
		return resource
	}
	return resource + "." + group
}

func explainNotFound(o Object, err error, s metav1.Status) []problem {
	details := s.Details
	switch {
	case details != nil && details.Kind == "namespaces" && o.Resource.Resource != "namespaces":
		return []problem{{what: "its namespace does not exist", field: "metadata.namespace",
			detail: fmt.Sprintf("%s has no namespace %q. Correct the name, or create the namespace first: kubectl create namespace %s", server(err), details.Name, details.Name)}}
	case !IsGone(err):
		if strings.HasSuffix(o.Resource.Group, "istio.io") {
			return one("Istio's CRDs are not installed in the cluster", "%s does not serve %s in version %s. Install a version of Istio that has it (istioctl "+
				"install, or the Helm chart istio/base), or choose another cluster in the provider block.",
				server(err), o.Resource.GroupResource(), o.Resource.Version)
		}
		return one("the cluster does not know this kind", "%s does not serve %s in version %s. Check that it is the right cluster and that host is its API server.",
			server(err), o.Resource.GroupResource(), o.Resource.Version)
	}
	return one("it does not exist", "%s said: %s. It was deleted outside of Terraform. Plan again.", server(err), said(s))
}

func explainConflict(o Object, err error, s metav1.Status) []problem {
	if s.Reason == metav1.StatusReasonAlreadyExists {
		return []problem{{what: "it already exists", field: "metadata.name",
			detail: fmt.Sprintf("%s already has a %s, which this resource did not create. Import it to manage it with Terraform, or choose another name.", server(err), o)}}
	}
	var problems []problem
	if s.Details != nil {
		for _, cause := range s.Details.Causes {
			if cause.Type == metav1.CauseTypeFieldManagerConflict {
				field := strings.TrimPrefix(cause.Field, ".")
				problems = append(problems, problem{what: "owned by another field manager", field: field,
					detail: fmt.Sprintf("Another field manager sets %s: %s. Remove it here, or make the other manager release it.", field, cause.Message)})
			}
		}
	}
	if problems != nil {
		return problems
	}
	if strings.Contains(s.Message, "UID in precondition") {
		return one("it was replaced", "The %s was deleted and recreated outside of Terraform. Plan again.", o)
	}
	return one("it has changed", "%s said: %s.\n\nThe object was changed after it was read. Nothing was written. Plan again.", server(err), said(s))
}

// explainInvalid returns a problem for each cause. A cause without a field only says that the rest was not validated, so it counts only if there
// is no other.
func explainInvalid(err error, s metav1.Status) []problem {
	var problems []problem
	if s.Details != nil {
		for _, cause := range s.Details.Causes {
			if cause.Field == "" || cause.Field == "<nil>" {
				continue
			}
			problems = append(problems, problem{what: "invalid " + cause.Field, field: cause.Field,
				detail: fmt.Sprintf("%s refuses %s: %s.", server(err), cause.Field, strings.TrimSuffix(cause.Message, "."))})
		}
	}
	if problems == nil {
		return one("invalid", "%s said: %s (HTTP 422).", server(err), said(s))
	}
	return problems
}

func hasCause(s metav1.Status, kind metav1.CauseType) bool {
	return s.Details != nil && slices.ContainsFunc(s.Details.Causes, func(c metav1.StatusCause) bool { return c.Type == kind })
}
