package engine_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

func clientset(t *testing.T) *kubernetes.Clientset {
	t.Helper()
	c, err := kubernetes.NewForConfig(acctest.Config(t))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// limit sets a quota for Services in the namespace and waits until it takes effect.
func limit(t *testing.T, namespace string, services int) {
	t.Helper()
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "full"}}
	quota.Spec.Hard = corev1.ResourceList{"count/services": *resource.NewQuantity(int64(services), resource.DecimalSI)}
	quotas := clientset(t).CoreV1().ResourceQuotas(namespace)
	if _, err := quotas.Create(t.Context(), quota, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "probe"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
	inForce(t, "exceeded quota", func() error {
		_, err := clientset(t).CoreV1().Services(namespace).Create(t.Context(), service, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err
	})
}

// inForce waits until a request is rejected for this reason.
func inForce(t *testing.T, reason string, request func() error) {
	t.Helper()
	var last error
	if err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		last = request()
		return last != nil && strings.Contains(last.Error(), reason), nil
	}); err != nil {
		t.Fatalf("%v: the last answer was %v", err, last)
	}
}

// forbidHost creates a policy that rejects virtual services with the host b.example.com in the namespace.
func forbidHost(t *testing.T, namespace string) {
	t.Helper()
	admission := clientset(t).AdmissionregistrationV1()
	name := namespace + ".example.com"
	policy := &admissionv1.ValidatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}}
	policy.Spec.MatchConstraints = &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
		RuleWithOperations: admissionv1.RuleWithOperations{
			Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
			Rule:       admissionv1.Rule{APIGroups: []string{"networking.istio.io"}, APIVersions: []string{"*"}, Resources: []string{"virtualservices"}},
		},
	}}}
	policy.Spec.Validations = []admissionv1.Validation{{Expression: `!("b.example.com" in object.spec.hosts)`, Message: "b.example.com is another team's"}}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: name}}
	binding.Spec.PolicyName = name
	binding.Spec.ValidationActions = []admissionv1.ValidationAction{admissionv1.Deny}
	binding.Spec.MatchResources = &admissionv1.MatchResources{
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}},
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		for _, err := range []error{
			admission.ValidatingAdmissionPolicyBindings().Delete(ctx, name, metav1.DeleteOptions{}),
			admission.ValidatingAdmissionPolicies().Delete(ctx, name, metav1.DeleteOptions{}),
		} {
			if err != nil && !apierrors.IsNotFound(err) {
				t.Error(err)
			}
		}
	})
	if _, err := admission.ValidatingAdmissionPolicies().Create(t.Context(), policy, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := admission.ValidatingAdmissionPolicyBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	probe := acctest.NewObject(t, istio.VirtualService(), namespace, "probe")
	inForce(t, "another team's", func() error {
		return probe.Try(`{"hosts":["b.example.com"],"http":[{"route":[{"destination":{"host":"a"}}]}]}`)
	})
}

// dryRunObjects returns the objects of testdata/dry_run.
func dryRunObjects(t *testing.T, namespace, name string) []*acctest.Object {
	t.Helper()
	return []*acctest.Object{
		acctest.NewObject(t, istio.VirtualService(), namespace, name), acctest.NewObject(t, istio.Service(), namespace, name),
	}
}

// A plan fails if a quota or policy would reject what the apply creates or changes. Nothing is stored.
func TestAccDryRun_refused(t *testing.T) {
	t.Parallel()
	namespace := acctest.Namespace(t)
	forbidHost(t, namespace)
	limit(t, namespace, 0)
	tf := acctest.NewTerraform(t, "testdata/dry_run", "", map[string]any{"namespace": namespace})
	wants := []string{
		`VirtualService "` + namespace + `/test" cannot be created: refused by the ValidatingAdmissionPolicy`, "another team's", "dry run",
	}
	for _, mode := range []string{"auto", "required"} {
		errs := tf.Run("plan", "-var=host=b.example.com", "-var=dry_run="+mode).Errors()
		if len(errs) != 2 {
			t.Errorf("%d errors, want one of the policy and one of the quota:\n%s", len(errs), errs)
		}
		for _, want := range append(wants, `Service "`+namespace+`/test" cannot be created: forbidden`, "exceeded quota: full") {
			if !strings.Contains(errs.String(), want) {
				t.Errorf("the errors say\n%s\nbut not %q", errs, want)
			}
		}
	}
	tf.Must("plan", "-var=host=b.example.com", "-var=dry_run=never")
	for _, o := range dryRunObjects(t, namespace, "test") {
		check(t, o.Expect(false))
	}
	tf.Must("apply", "-auto-approve", "-target=lamia_virtual_service.test")
	before := dryRunObjects(t, namespace, "test")[0].Live()
	expect(t, tf.Run("plan", "-var=host=b.example.com", "-target=lamia_virtual_service.test"),
		[]string{"cannot be updated: refused by the ValidatingAdmissionPolicy", "another team's"}, "")
	check(t, dryRunObjects(t, namespace, "test")[0].Untouched(before))
}

// says checks that exactly one diagnostic has this severity, and that it contains these words. Without words, none may have it.
func says(t *testing.T, diagnostics acctest.Diagnostics, severity string, wants ...string) {
	t.Helper()
	var texts []string
	for _, d := range diagnostics {
		if d.Severity == severity && d.Address != "" { // others are about the CLI's configuration
			texts = append(texts, d.String())
		}
	}
	if len(wants) == 0 && len(texts) == 0 {
		return
	}
	if len(texts) != 1 {
		t.Errorf("%d %ss, want 1 at most:\n%s", len(texts), severity, diagnostics)
		return
	}
	for _, want := range wants {
		if !strings.Contains(texts[0], want) {
			t.Errorf("the %s says\n%s\nbut not %q", severity, texts[0], want)
		}
	}
	if len(wants) == 0 {
		t.Errorf("unexpected:\n%s", texts[0])
	}
}

const virtualService = "-target=lamia_virtual_service.test"

// If the API server cannot check the plan, the plan succeeds, unless the provider block has dry_run = "required".
func TestAccDryRun_impossible(t *testing.T) {
	t.Parallel()
	account := func(t *testing.T, namespace string) string {
		return acctest.Account(t, namespace, "../../examples/rights/plan.yaml")
	}
	answering := func(code int, reason, message string) func(*testing.T, string) string {
		return func(t *testing.T, _ string) string {
			return acctest.Proxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if !acctest.IsDryRun(r) {
					next.ServeHTTP(w, r)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(code)
				fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","code":%d,"reason":%q,"message":%q}`, code, reason, message)
			})
		}
	}
	for name, test := range map[string]struct {
		kubeconfig func(t *testing.T, namespace string) string
		namespace  string
		required   []string // words of the error
		warning    []string
	}{
		"namespace": {
			namespace: "lamia-test-does-not-exist",
			required:  []string{`at "namespace = `, "cannot be created: its namespace does not exist"},
		},
		"connection refused": {
			kubeconfig: func(t *testing.T, _ string) string { return acctest.Unreachable(t) },
			required:   []string{"cannot be created: connection refused"},
		},
		"no answer": {
			kubeconfig: func(t *testing.T, _ string) string {
				return acctest.Proxy(t, func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
					io.Copy(io.Discard, r.Body) //nolint:errcheck // the server notices that the client is gone only once the body is read
					<-r.Context().Done()
				})
			},
		},
		"connection lost": {
			kubeconfig: func(t *testing.T, _ string) string {
				return acctest.Proxy(t, func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) })
			},
			required: []string{"cannot be created: the connection was lost"},
		},
		"webhook without dry runs": {
			kubeconfig: answering(http.StatusBadRequest, "BadRequest", `admission webhook "old.example.com" does not support dry run`),
			required:   []string{`admission webhook "old.example.com" does not support dry run`},
		},
		"webhook without answer": {
			kubeconfig: answering(http.StatusInternalServerError, "InternalError", `Internal error occurred: failed calling webhook "old.example.com": no`),
		},
		"rights": {
			kubeconfig: account,
			required:   []string{"cannot be created: forbidden", `verbs: ["create"]`},
			warning:    []string{"Permissions to apply are missing", `apiGroups: ["networking.istio.io"]`, `resources: ["virtualservices"]`, `verbs: ["create"]`, `dry_run = "never"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace, kubeconfig := acctest.Namespace(t), ""
			if test.kubeconfig != nil {
				kubeconfig = test.kubeconfig(t, namespace)
			}
			if test.namespace != "" {
				namespace = test.namespace
			}
			tf := acctest.NewTerraform(t, "testdata/dry_run", kubeconfig, map[string]any{"namespace": namespace})
			for _, mode := range []string{"-var=dry_run=auto", "-var=host=b.example.com"} {
				said := tf.Run("plan", virtualService, mode)
				says(t, said, "error")
				says(t, said, "warning", test.warning...)
			}
			says(t, tf.Run("plan", virtualService, "-var=dry_run=never"), "warning")
			if test.required != nil {
				says(t, tf.Run("plan", virtualService, "-var=dry_run=required"), "error", test.required...)
			}
		})
	}
}

// Missing permissions give one warning, even for many resources. There is no warning if the API server does not tell which permissions exist.
func TestAccDryRun_rights(t *testing.T) {
	t.Parallel()
	namespace := acctest.Namespace(t)
	kubeconfig := acctest.Account(t, namespace, "../../examples/rights/plan.yaml")
	tf := acctest.NewTerraform(t, "testdata/many", kubeconfig, map[string]any{"namespace": namespace})
	says(t, tf.Run("plan"), "warning", `resources: ["serviceentries"]`)

	asked := atomic.Int32{}
	proxy := acctest.ProxyFor(t, kubeconfig, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/selfsubjectaccessreviews") {
			asked.Add(1)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
	tf = acctest.NewTerraform(t, "testdata/many", proxy, map[string]any{"namespace": namespace, "objects": 1})
	said := tf.Run("plan")
	says(t, said, "warning")
	says(t, said, "error")
	if asked.Load() == 0 {
		t.Error("no one asked what is allowed")
	}
}

// The plan fails for an object that already exists. The error says how to import it, or how to move the resource to another address, and both
// work.
func TestAccDryRun_exists(t *testing.T) {
	t.Parallel()
	namespace := acctest.Namespace(t)
	tf := acctest.NewTerraform(t, "testdata/dry_run", "", map[string]any{"namespace": namespace})
	tf.Must("apply", "-auto-approve", virtualService)
	other := acctest.NewTerraform(t, "testdata/dry_run", "", map[string]any{"namespace": namespace})
	exists := []string{
		`VirtualService "` + namespace + `/test" already exists`,
		"import {\n    to = lamia_virtual_service.test\n    id = \"" + namespace + "/test\"\n  }", "moved {",
	}
	says(t, other.Run("plan", virtualService), "error", exists...)
	other.Must("plan", virtualService, "-var=dry_run=never")

	renamed := `
resource "lamia_virtual_service" "renamed" {
  namespace = var.namespace
  name      = var.name
  hosts     = [var.host]
  http      = [{ route = [{ destination = { host = "svc" } }] }]
}
`
	tf.Configure(acctest.Folder(t, "", map[string]string{"main.tf": variables(t) + renamed}))
	says(t, tf.Run("plan", "-parallelism=1"), "error", exists[0], "moved {")
	tf.Configure(acctest.Folder(t, "", map[string]string{
		"moved.tf": "moved {\n  from = lamia_virtual_service.test\n  to   = lamia_virtual_service.renamed\n}\n",
	}))
	tf.Must("apply", "-auto-approve")
}

// variables returns the variables and the provider block of testdata/dry_run.
func variables(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("testdata/dry_run/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(string(data), "resource ")
	return text
}

// An object that is deleted before its replacement is created does not conflict with it, and its quota is free again.
func TestAccDryRun_replaced(t *testing.T) {
	t.Parallel()
	namespace := acctest.Namespace(t)
	taken := acctest.NewObject(t, istio.Service(), namespace, "taken")
	taken.Create(`{"ports":[{"port":80}]}`, nil)
	folder := acctest.Folder(t, "", map[string]string{"main.tf": variables(t) + `
variable "headless" {
  type    = bool
  default = false
}

variable "node_port" {
  type    = number
  default = null
}

resource "lamia_service" "test" {
  namespace = var.namespace
  name      = var.name
  headless  = var.headless
  type      = var.headless ? "ClusterIP" : "NodePort"
  ports     = [{ port = 80, node_port = var.node_port }]
}
`})
	const address = "lamia_service.test"
	tf := acctest.NewTerraform(t, folder, "", map[string]any{"namespace": namespace})
	tf.Must("apply", "-auto-approve")
	says(t, tf.Run("plan", "-var=name=taken"), "error", `Service "`+namespace+`/taken" already exists`)
	ports := acctest.NewObject(t, istio.Service(), namespace, "test").Live().Object["spec"].(map[string]any)["ports"].([]any)
	tf.Must("plan", "-var=dry_run=required", "-var=name=other", fmt.Sprintf("-var=node_port=%d", ports[0].(map[string]any)["nodePort"]))
	limit(t, namespace, 2)
	for _, args := range [][]string{{"-replace=" + address}, {"-var=headless=true"}, {"-var=name=other"}} {
		tf.Must(append([]string{"plan", "-var=dry_run=required"}, args...)...)
		tf.Must(append([]string{"plan", "-var=dry_run=required", "-refresh=false"}, args...)...)
	}
	tf.Taint(address)
	tf.Must("plan", "-var=dry_run=required")
	tf.Must("plan", "-var=dry_run=required", "-refresh=false")
	tf.Must("apply", "-auto-approve", "-var=dry_run=required", "-var=headless=true")
	tf.Empty("-var=headless=true")
	tf.Must("apply", "-auto-approve", "-var=name=other")
}
