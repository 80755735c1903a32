package object_test

import (
	"context"
	"strings"
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

// limit sets a quota on the Services in the namespace and waits until it is in force.
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

// inForce waits until a request is refused for this reason.
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

// forbidHost has a policy refuse virtual services of b.example.com in the namespace.
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
	inForce(t, "another team's", func() error { return probe.Try(`{"hosts":["b.example.com"],"http":[{"route":[{"destination":{"host":"a"}}]}]}`) })
}

// specimensOf are the objects of testdata/dry_run.
func dryRunObjects(t *testing.T, namespace, name string) []*acctest.Object {
	t.Helper()
	return []*acctest.Object{
		acctest.NewObject(t, istio.VirtualService(), namespace, name), acctest.NewObject(t, istio.Service(), namespace, name),
	}
}

// A quota, and a policy, that an apply would meet is met by the plan, for what is to be created as for what is to be changed. Nothing is stored.
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
