package kube

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// attributes replaces the engine's map from Kubernetes fields to attributes.
func attributes(kubernetesField string) (path.Path, bool) {
	switch kubernetesField {
	case "metadata.name":
		return path.Root("name"), true
	case "metadata.namespace":
		return path.Root("namespace"), true
	case "spec.http[0].route[0].weight":
		return path.Root("http").AtListIndex(0).AtName("route").AtListIndex(0).AtName("weight"), true
	}
	return path.Empty(), false
}

func TestDiagnostics(t *testing.T) {
	t.Parallel()
	resource := vs1.Resource.GroupResource()
	kind := schema.GroupKind{Group: resource.Group, Kind: vs1.Kind}
	withCause := func(err *apierrors.StatusError, cause metav1.StatusCause) *apierrors.StatusError {
		err.ErrStatus.Details.Causes = append(err.ErrStatus.Details.Causes, cause)
		return err
	}
	type want struct {
		at, what string
		details  []string
	}
	for name, test := range map[string]struct {
		verb string
		err  error
		want []want
	}{
		"401": {"get", apierrors.NewUnauthorized("Unauthorized"), []want{{"", "not read: not authenticated", []string{"401", "Unauthorized", "expired"}}}},
		"403 of RBAC": {"create", apierrors.NewForbidden(resource, "", errors.New(`User "system:serviceaccount:vamp-test1:team" cannot create resource "virtualservices" in API group "networking.istio.io" in the namespace "vamp-test1"`)),
			[]want{{"", "not created: forbidden", []string{
				"system:serviceaccount:vamp-test1:team", "create virtualservices.networking.istio.io", `Role in the namespace "vamp-test1"`,
				"- apiGroups: [\"networking.istio.io\"]\n  resources: [\"virtualservices\"]\n  verbs: [\"create\"]\n"}}}},
		"403 of RBAC in the cluster": {"get", apierrors.NewForbidden(resource, "x", errors.New(`User "me" cannot get resource "nodes" in API group "" at the cluster scope: no RBAC policy matched`)),
			[]want{{"", "not read: forbidden", []string{"ClusterRole", "whole cluster", `apiGroups: [""]`}}}},
		"403 of a quota": {"create", apierrors.NewForbidden(resource, "vs-1", errors.New("exceeded quota: small, requested: count/virtualservices=1, used: 3, limited: 3")),
			[]want{{"", "not created: forbidden", []string{"exceeded quota: small"}}}},
		"403 of a namespace that goes": {"create", withCause(apierrors.NewForbidden(resource, "vs-1", errors.New("unable to create new content in namespace vamp-test1 because it is being terminated")), metav1.StatusCause{Type: "NamespaceTerminating"}),
			[]want{{"namespace", "not created: its namespace is being deleted", []string{`"vamp-test1"`}}}},
		"404 of the API group": {"create", apierrors.NewGenericServerResponse(404, "POST", schema.GroupResource{}, "", "404 page not found", 0, true),
			[]want{{"", "not created: Istio's CRDs are not installed in the cluster", []string{"virtualservices.networking.istio.io", "version v1", "istioctl install"}}}},
		"404 of the namespace": {"create", apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "vamp-test1"),
			[]want{{"namespace", "not created: its namespace does not exist", []string{`"vamp-test1"`, "kubectl create namespace vamp-test1"}}}},
		"404 of the object": {"patch", apierrors.NewNotFound(resource, "vs-1"),
			[]want{{"", "not updated: it does not exist", []string{`virtualservices.networking.istio.io "vs-1" not found`}}}},
		"409 exists": {"create", apierrors.NewAlreadyExists(resource, "vs-1"),
			[]want{{"name", "not created: it already exists", []string{"Import"}}}},
		"409 changed": {"patch", apierrors.NewConflict(resource, "vs-1", errors.New("the object has been modified; please apply your changes to the latest version and try again")),
			[]want{{"", "not updated: it has changed", []string{"has been modified", "Nothing was written"}}}},
		"409 another UID": {"delete", apierrors.NewConflict(resource, "vs-1", errors.New("Precondition failed: UID in precondition: a, UID in object meta: b")),
			[]want{{"", "not deleted: it was replaced", nil}}},
		"409 of server-side apply": {"apply", apierrors.NewApplyConflict([]metav1.StatusCause{{Type: metav1.CauseTypeFieldManagerConflict, Message: `conflict with "flagger"`, Field: ".spec.http[0].route[0].weight"}}, "Apply failed with 1 conflict"),
			[]want{{"http[0].route[0].weight", "not updated: owned by another field manager", []string{"flagger"}}}},
		"422 of several causes": {"create", apierrors.NewInvalid(kind, "vs-1", field.ErrorList{
			field.Invalid(field.NewPath("metadata", "name"), "vs_1", "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters"),
			field.Invalid(field.NewPath("spec", "http").Index(0).Child("route").Index(0).Child("weight"), -1, "should be greater than or equal to 0"),
			field.Invalid(field.NewPath("spec", "tls"), "object", "only one of a and b"),
			field.Invalid(nil, nil, "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"),
		}), []want{
			{"name", "not created: invalid metadata.name", []string{`Invalid value: "vs_1"`, "RFC 1123"}},
			{"http[0].route[0].weight", "not created: invalid spec.http[0].route[0].weight", []string{"greater than or equal to 0"}},
			{"", "not created: invalid spec.tls", []string{"only one of a and b"}},
		}},
		"422 without causes": {"create", statusError(422, metav1.StatusReasonInvalid, "the server rejected our request"),
			[]want{{"", "not created: invalid", []string{"the server rejected our request"}}}},
		"webhook, one message": {"create", statusError(400, "", `admission webhook "validation.istio.io" denied the request: configuration is invalid: total destination weight = 0`),
			[]want{{"", `not created: refused by the webhook "validation.istio.io"`, []string{"\x00total destination weight = 0\x00"}}}},
		"webhook, several messages": {"create", statusError(400, "", "admission webhook \"validation.istio.io\" denied the request: configuration is invalid: 2 errors occurred:\n\t* domain name \"_\" invalid\n\t* at least one host\n\n"),
			[]want{{"", `not created: refused by the webhook "validation.istio.io"`, []string{"\x00- domain name \"_\" invalid\n- at least one host\x00"}}}},
		"webhook, no message": {"create", statusError(400, "", `admission webhook "x.y.z" denied the request without explanation`),
			[]want{{"", `not created: refused by the webhook "x.y.z"`, []string{"no explanation"}}}},
		"webhook that forbids": {"create", statusError(403, metav1.StatusReasonForbidden, `admission webhook "x.y.z" denied the request: only on Mondays`),
			[]want{{"", `not created: refused by the webhook "x.y.z"`, []string{"only on Mondays"}}}},
		"policy": {"create", apierrors.NewForbidden(resource, "vs-1", errors.New(`ValidatingAdmissionPolicy 'owner.example.com' with binding 'b' denied request: needs a label`)),
			[]want{{"", `not created: refused by the ValidatingAdmissionPolicy "owner.example.com"`, []string{"\x00needs a label\x00"}}}},
		"webhook that does not answer": {"create", noWebhook,
			[]want{{"", `not created: the webhook "validation.istio.io" does not answer`, []string{"connection refused", "istio-system"}}}},
		"400": {"create", apierrors.NewBadRequest(`VirtualService in version "v1" cannot be handled: no kind`),
			[]want{{"", "not created: the API server refused", []string{`no kind`, "400"}}}},
		"429": {"create", apierrors.NewGenericServerResponse(429, "POST", schema.GroupResource{}, "", "Too many requests, please try again later.", 1, true),
			[]want{{"", "not created: the API server is too busy", []string{"Too many requests", "429", "-parallelism"}}}},
		"500":                {"create", internal, []want{{"", "not created: the API server failed", []string{"leader changed", "500", "may have been made"}}}},
		"503 of a get":       {"get", unavailable, []want{{"", "not read: the API server failed", []string{"starting", "503"}}}},
		"504 of a proxy":     {"delete", apierrors.NewGenericServerResponse(504, "DELETE", schema.GroupResource{}, "", "upstream timed out", 0, true), []want{{"", "not deleted: the API server failed", []string{"upstream timed out", "may have been made"}}}},
		"cancelled":          {"create", fmt.Errorf("Post: %w", context.Canceled), []want{{"", "not created: cancelled", []string{"may have been made"}}}},
		"deadline":           {"get", fmt.Errorf("Get: %w", context.DeadlineExceeded), []want{{"", "not read: timed out", []string{"timeouts"}}}},
		"unknown host":       {"create", &url.Error{Op: "Post", URL: "https://no.test:6443/apis?x=y", Err: &unsentError{&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "no.test"}}}}, []want{{"", "not created: unknown host", []string{"The API server at no.test:6443", "no such host", "host"}}}},
		"unreachable":        {"create", &url.Error{Op: "Post", URL: "https://10.0.0.1/apis", Err: &unsentError{&net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}}}, []want{{"", "not created: the cluster cannot be reached", []string{"VPN"}}}},
		"no answer in time":  {"create", &url.Error{Op: "Post", URL: "https://10.0.0.1/apis", Err: &unsentError{&net.OpError{Op: "dial", Err: errTimeout{}}}}, []want{{"", "not created: no answer in time", []string{"10.0.0.1", "VPN"}}}},
		"client certificate": {"get", &url.Error{Op: "Get", URL: "https://10.0.0.1/apis", Err: errors.New("remote error: tls: certificate required")}, []want{{"", "not read: the server refused the TLS connection", []string{"client_certificate"}}}},
		"anything else":      {"get", errors.New("unexpected EOF"), []want{{"", "not read: the connection was lost", []string{"unexpected EOF"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			diags := Diagnostics(test.verb, vs1, fmt.Errorf("wrapped: %w", test.err), attributes)
			if len(diags) != len(test.want) {
				t.Fatalf("got %v, want %v", diags, test.want)
			}
			for i, want := range test.want {
				if summary := `VirtualService "vamp-test1/vs-1" ` + want.what; diags[i].Summary() != summary {
					t.Errorf("summary %q, want %q", diags[i].Summary(), summary)
				}
				at := ""
				if d, ok := diags[i].(diag.DiagnosticWithPath); ok {
					at = d.Path().String()
				}
				if at != want.at {
					t.Errorf("at %q, want %q", at, want.at)
				}
				for _, detail := range want.details { // \x00 marks the beginning and the end
					if !strings.Contains("\x00"+diags[i].Detail()+"\x00", detail) {
						t.Errorf("the detail does not say %q: %s", detail, diags[i].Detail())
					}
				}
				if test.verb == "get" && strings.Contains(diags[i].Detail(), "may have been made") {
					t.Errorf("a get changes nothing: %s", diags[i].Detail())
				}
			}
		})
	}
	if diags := Diagnostics("get", vs1, nil, attributes); diags != nil {
		t.Errorf("no error gives %v", diags)
	}
}

type errTimeout struct{}

func (errTimeout) Error() string   { return "i/o timeout" }
func (errTimeout) Timeout() bool   { return true }
func (errTimeout) Temporary() bool { return true }

func TestObject(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]Object{
		`VirtualService "vamp-test1/vs-1"`: vs1,
		`Namespace "team"`:                 {Kind: "Namespace", Name: "team"},
	} {
		if o.String() != want {
			t.Errorf("got %s, want %s", o, want)
		}
	}
}

func TestConnection(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t, Config{ConfigPath: kubeconfig(t, "blue"), Namespace: "team"})
	known := NewConnection(cluster)
	if got, diags := known.Cluster(); got != cluster || diags.HasError() || !known.Known() || known.Namespace() != "team" {
		t.Errorf("got %v, %v, %v", got, diags, known.Namespace())
	}
	if later := known.WithUnknownNamespace(); later.Namespace() != "" || !later.Known() {
		t.Errorf("got %v", later)
	}
	waiting := NewUnknownConnection(known.Namespace(), "host", "token")
	got, diags := waiting.Cluster()
	if got != nil || waiting.Known() || len(diags.Errors()) != 1 || !strings.Contains(diags[0].Detail(), "host, token") {
		t.Errorf("got %v, %v", got, diags)
	}
}

// The response to a create or a patch tells which fields a CRD does not have, whatever the patch contains.
func TestUnknownFields(t *testing.T) {
	t.Parallel()
	patch := `{"spec":{"hosts":["strict decoding error: unknown field \"spec.not\""]}}`
	for name, c := range map[string]struct {
		err  error
		want []string
	}{
		"create": {apierrors.NewBadRequest(`VirtualService in version "v1" cannot be handled as a VirtualService: strict decoding error: unknown field "spec.a", unknown field "spec.http[0].b"`),
			[]string{"spec.a", "spec.http[0].b"}},
		"patch": {apierrors.NewInvalid(schema.GroupKind{}, "", field.ErrorList{field.Invalid(field.NewPath("patch"), patch, `strict decoding error: unknown field "spec.a"`)}),
			[]string{"spec.a"}},
		"another": {apierrors.NewBadRequest("no kind"), nil},
		"none":    {nil, nil},
	} {
		if got := UnknownFields(c.err); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
