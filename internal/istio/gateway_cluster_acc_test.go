package istio_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

// The proxies run unchanged in a namespace that enforces the Pod Security Standard "restricted".
func TestAccGateway_restricted(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	g := newGateway(t, "gw")
	_, err := resources(t, corev1.SchemeGroupVersion.WithResource("namespaces")).Patch(t.Context(), g.Namespace, types.MergePatchType,
		[]byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"restricted"}}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	g.test(
		resource.TestStep{ConfigDirectory: g.config(nil), ConfigStateChecks: []statecheck.StateCheck{acctest.Check(g.available)}},
		resource.TestStep{ // a privileged container shows that the standard is enforced
			ConfigDirectory: g.config(object{"workload": object{"container_security_context": `{"privileged":true}`}, "timeouts": object{"update": "5s"}}),
			ExpectError:     regexp.MustCompile(`(?s)is not ready.*violates PodSecurity`),
		},
	)
}

// Without certificates, a gateway needs no permission to read Secrets, and Terraform does not need to grant it.
func TestAccGateway_withoutSecrets(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	g := newGateway(t, "gw")
	role := acctest.Folder(t, "", map[string]string{"role.yaml": `rules:
- {apiGroups: [networking.istio.io], resources: [gateways], verbs: [get, create, patch, delete]}
- {apiGroups: [""], resources: [services, serviceaccounts], verbs: [get, create, patch, delete]}
- {apiGroups: [apps], resources: [deployments], verbs: [get, create, patch, delete]}
- {apiGroups: [autoscaling], resources: [horizontalpodautoscalers], verbs: [get, create, patch, delete]}
- {apiGroups: [policy], resources: [poddisruptionbudgets], verbs: [get, create, patch, delete]}
`})
	kubeconfig := acctest.Account(t, g.Namespace, role+"/role.yaml")
	without := g.folder(object{"workload": object{"secret_access": false}})
	tf := acctest.NewTerraform(t, without, kubeconfig, nil)
	tf.Must("apply", "-auto-approve")
	tf.Empty()
	if err := g.available(); err != nil {
		t.Error(err)
	}
	if live := g.live(); live["Role"] != nil || live["RoleBinding"] != nil {
		t.Error("there is a Role, or a RoleBinding")
	}
	again := acctest.NewTerraform(t, acctest.Folder(t, without, map[string]string{
		"import.tf": fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", gatewayAddress, g.Namespace+"/gw"),
	}), kubeconfig, nil)
	again.Must("apply", "-auto-approve")
	again.Empty()
	again.Must("destroy", "-auto-approve")
	g.gone()
}

// With wait = false, an apply ends once everything is stored. Kubernetes rejects a change of the class, so it replaces the gateway.
func TestAccGateway_withoutWaiting(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "gw")
	of := func(class string) config.TestStepConfigFunc {
		return g.config(object{"wait": false, "workload": object{"replicas": 0, "service": object{"load_balancer_class": "example.com/" + class}}})
	}
	stored := func() error { return is("the class", *g.service().Spec.LoadBalancerClass, "example.com/one") }
	g.test(
		resource.TestStep{ConfigDirectory: of("one"), ConfigStateChecks: []statecheck.StateCheck{state("address", knownvalue.Null()), acctest.Check(stored)}},
		resource.TestStep{ConfigDirectory: of("two"), ConfigPlanChecks: plans(plancheck.ResourceActionDestroyBeforeCreate)},
	)
}

// A Service keeps the attributes of Services in a mesh as configured.
func TestAccService_mesh(t *testing.T) {
	t.Parallel()
	o := acctest.NewObject(t, istio.Service(), acctest.Namespace(t), "test")
	mesh := serviceStep(o, "mesh", plancheck.ResourceActionCreate, o.Stores(`{"type":"ClusterIP","selector":{"app":"a"},
		"ports":[{"name":"web","port":80,"targetPort":80,"protocol":"TCP","appProtocol":"http2"}],"sessionAffinity":"ClientIP",
		"sessionAffinityConfig":{"clientIP":{"timeoutSeconds":600}},"internalTrafficPolicy":"Local","trafficDistribution":"PreferClose",
		"publishNotReadyAddresses":true,"externalIPs":["192.0.2.7"]}`))
	acctest.Test(t, o.Namespace, mesh,
		serviceStep(o, "cluster_ip", plancheck.ResourceActionUpdate, serviceHas("session_affinity", knownvalue.Null())),
	)
}

// A Service with wait = false exists immediately, and a change of its class replaces it. The plan rejects changes of other immutable fields.
func TestAccService_class(t *testing.T) {
	t.Parallel()
	o := acctest.NewObject(t, istio.Service(), acctest.Namespace(t), "test")
	tf := acctest.NewTerraform(t, "testdata/service/class", "", map[string]any{"namespace": o.Namespace, "class": "example.com/one"})
	tf.Must("apply", "-auto-approve")
	tf.Empty()
	if err := o.Stores(`{"type":"LoadBalancer","selector":{"app":"a"},"ports":[{"port":80,"targetPort":80,"protocol":"TCP"}],"loadBalancerClass":"example.com/one",
		"loadBalancerIP":"192.0.2.1","loadBalancerSourceRanges":["10.0.0.0/8"],"externalTrafficPolicy":"Local","allocateLoadBalancerNodePorts":false}`)(); err != nil {
		t.Error(err)
	}
	if stored := as[corev1.Service](t, o.Live()).Spec; stored.HealthCheckNodePort != 30021 || stored.Ports[0].NodePort != 30022 {
		t.Errorf("the ports on nodes are %d and %d", stored.HealthCheckNodePort, stored.Ports[0].NodePort)
	}
	if errors := tf.Run("plan", "-var=health_check=30023").Errors(); !strings.Contains(errors.String(), "health_check_node_port") {
		t.Errorf("to change the port of health checks: %s", errors)
	}
	before := o.Live()
	tf.Must("apply", "-auto-approve", "-var=class=example.com/two")
	if o.Live().GetUID() == before.GetUID() || !strings.Contains(toJSON(t, o.Spec()), "example.com/two") {
		t.Errorf("the Service was not replaced: %v", o.Spec())
	}
	tf.Must("destroy", "-auto-approve", "-var=class=example.com/two")
}
