package istio_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

const service = "lamia_service.test"

// serviceStep applies a configuration of testdata/service.
func serviceStep(o *acctest.Object, name string, action plancheck.ResourceActionType, checks ...statecheck.StateCheck) resource.TestStep {
	return resource.TestStep{
		ConfigDirectory: config.StaticDirectory("testdata/service/" + name),
		ConfigVariables: config.Variables{"namespace": config.StringVariable(o.Namespace)},
		ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
			plancheck.ExpectResourceAction(service, action),
			plancheck.ExpectKnownValue(service, tfjsonpath.New("host"), knownvalue.StringExact("test."+o.Namespace+".svc.cluster.local")),
		}},
		ConfigStateChecks: checks,
	}
}

func ip() knownvalue.Check {
	return knownvalue.StringFunc(func(s string) error {
		_, err := netip.ParseAddr(s)
		return err
	})
}

func serviceHas(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(service, tfjsonpath.New(attribute), value)
}

// A Service becomes a load balancer and back in place. It keeps its cluster IP, and has the load balancer's address only as long as it is one.
func TestAccService_type(t *testing.T) {
	t.Parallel()
	o := acctest.NewObject(t, istio.Service(), acctest.Namespace(t), "test")
	var before *unstructured.Unstructured
	sameClusterIP := statecheck.CompareValue(compare.ValuesSame())
	updated := acctest.Check(func() error { return o.Updated(before) })
	loadBalancer := serviceStep(o, "load_balancer", plancheck.ResourceActionUpdate, updated,
		o.Stores(`{"type":"LoadBalancer","selector":{"app":"a"},"ports":[{"port":80,"targetPort":80,"protocol":"TCP"}]}`),
		serviceHas("addresses", knownvalue.ListExact([]knownvalue.Check{ip()})),
		sameClusterIP.AddStateValue(service, tfjsonpath.New("cluster_ip")))
	loadBalancer.PreConfig = func() { before = o.Live() }
	loadBalancer.ConfigPlanChecks.PreApply = append(loadBalancer.ConfigPlanChecks.PreApply,
		plancheck.ExpectUnknownValue(service, tfjsonpath.New("addresses")))
	back := serviceStep(o, "cluster_ip", plancheck.ResourceActionUpdate, updated,
		o.Stores(`{"type":"ClusterIP","selector":{"app":"a"},"ports":[{"port":80,"targetPort":80,"protocol":"TCP"}]}`),
		serviceHas("addresses", knownvalue.ListSizeExact(0)),
		serviceHas("type", knownvalue.Null()),
		sameClusterIP.AddStateValue(service, tfjsonpath.New("cluster_ip")))
	back.PreConfig = loadBalancer.PreConfig
	acctest.Test(t, o.Namespace,
		serviceStep(o, "cluster_ip", plancheck.ResourceActionCreate,
			serviceHas("cluster_ip", ip()), serviceHas("addresses", knownvalue.ListSizeExact(0)), serviceHas("ports", knownvalue.ListExact([]knownvalue.Check{
				knownvalue.ObjectPartial(map[string]knownvalue.Check{
					"port": knownvalue.Int64Exact(80), "target_port": knownvalue.Null(), "protocol": knownvalue.Null(), "node_port": knownvalue.Null(),
				}),
			})),
			sameClusterIP.AddStateValue(service, tfjsonpath.New("cluster_ip"))),
		loadBalancer,
		resource.TestStep{
			ConfigDirectory: config.StaticDirectory("testdata/service/load_balancer"),
			ConfigVariables: loadBalancer.ConfigVariables, ResourceName: service, ImportState: true, ImportStateVerify: true,
		},
		back,
	)
}

// A change between headless and not headless replaces a Service.
func TestAccService_headless(t *testing.T) {
	t.Parallel()
	o := acctest.NewObject(t, istio.Service(), acctest.Namespace(t), "test")
	acctest.Test(t, o.Namespace,
		serviceStep(o, "headless", plancheck.ResourceActionCreate,
			o.Stores(`{"type":"ClusterIP","clusterIP":"None","selector":{"app":"a"},"ports":[{"port":80,"targetPort":80,"protocol":"TCP"}]}`),
			serviceHas("cluster_ip", knownvalue.Null()), serviceHas("headless", knownvalue.Bool(true))),
		resource.TestStep{
			ConfigDirectory: config.StaticDirectory("testdata/service/headless"),
			ConfigVariables: config.Variables{"namespace": config.StringVariable(o.Namespace)},
			ResourceName:    service, ImportState: true, ImportStateVerify: true,
		},
		serviceStep(o, "cluster_ip", plancheck.ResourceActionDestroyBeforeCreate, serviceHas("cluster_ip", ip()), serviceHas("headless", knownvalue.Null())),
	)
}

// A Service becomes an alias of another host and back.
func TestAccService_externalName(t *testing.T) {
	t.Parallel()
	o := acctest.NewObject(t, istio.Service(), acctest.Namespace(t), "test")
	acctest.Test(t, o.Namespace,
		serviceStep(o, "external_name", plancheck.ResourceActionCreate,
			o.Stores(`{"type":"ExternalName","externalName":"example.com"}`),
			serviceHas("cluster_ip", knownvalue.Null()), serviceHas("addresses", knownvalue.ListSizeExact(0))),
		serviceStep(o, "cluster_ip", plancheck.ResourceActionUpdate,
			o.Stores(`{"type":"ClusterIP","selector":{"app":"a"},"ports":[{"port":80,"targetPort":80,"protocol":"TCP"}]}`), serviceHas("cluster_ip", ip())),
		serviceStep(o, "external_name", plancheck.ResourceActionUpdate,
			o.Stores(`{"type":"ExternalName","externalName":"example.com"}`), serviceHas("cluster_ip", knownvalue.Null())),
	)
}

// Values that Kubernetes does not store stay in the state as configured: false, {} and [].
func TestAccService_zeros(t *testing.T) {
	t.Parallel()
	o := acctest.NewObject(t, istio.Service(), acctest.Namespace(t), "test")
	acctest.Test(t, o.Namespace, serviceStep(o, "zeros", plancheck.ResourceActionCreate,
		o.Stores(`{"type":"ExternalName","externalName":"example.com"}`),
		serviceHas("headless", knownvalue.Bool(false)), serviceHas("selector", knownvalue.MapSizeExact(0)), serviceHas("ports", knownvalue.ListSizeExact(0))))
}

// Ports keep their order. Target ports, by name or number, configured or default, are read as configured.
func TestAccService_ports(t *testing.T) {
	t.Parallel()
	o := acctest.NewObject(t, istio.Service(), acctest.Namespace(t), "test")
	port := func(i int, attribute string) tfjsonpath.Path {
		return tfjsonpath.New("ports").AtSliceIndex(i).AtMapKey(attribute)
	}
	acctest.Test(t, o.Namespace, serviceStep(o, "ports", plancheck.ResourceActionCreate,
		o.Stores(`{"type":"ClusterIP","selector":{"app":"a"},"ports":[
			{"name":"web","port":80,"targetPort":"http","protocol":"TCP","appProtocol":"http"},
			{"name":"metrics","port":9090,"targetPort":19090,"protocol":"TCP"},
			{"name":"dns","port":53,"targetPort":53,"protocol":"UDP"},
			{"name":"admin","port":8080,"targetPort":8080,"protocol":"TCP"}]}`),
		statecheck.ExpectKnownValue(service, port(0, "target_port"), knownvalue.StringExact("http")),
		statecheck.ExpectKnownValue(service, port(1, "target_port"), knownvalue.StringExact("19090")),
		statecheck.ExpectKnownValue(service, port(2, "target_port"), knownvalue.Null()),
		statecheck.ExpectKnownValue(service, port(3, "target_port"), knownvalue.StringExact("8080")),
		statecheck.ExpectKnownValue(service, port(3, "protocol"), knownvalue.StringExact("TCP")),
	))
}

// A load balancer that gets no address in time is a warning. The Service stays and is not recreated.
func TestAccService_timeout(t *testing.T) {
	t.Parallel()
	o := acctest.NewObject(t, istio.Service(), acctest.Namespace(t), "test")
	var found atomic.Bool
	proxy := acctest.Proxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if found.Load() || r.Method == http.MethodDelete {
			next.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		live := &unstructured.Unstructured{}
		if err := json.Unmarshal(answer.Body.Bytes(), &live.Object); err == nil && live.GetKind() == "Service" {
			unstructured.RemoveNestedField(live.Object, "status", "loadBalancer")
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(answer.Code)
		json.NewEncoder(w).Encode(live.Object) //nolint:errcheck // the client may be gone
	})
	tf := acctest.NewTerraform(t, "testdata/service/timeouts", proxy, map[string]any{"namespace": o.Namespace, "timeout": "1s"})
	warns(t, tf.Run("apply", "-auto-approve"), "is not ready", "an address of its load balancer")
	made := o.Live().GetUID()
	if state := tf.State(); len(state) != 1 || !o.Exists() {
		t.Errorf("the state holds %v; the object exists: %v", state, o.Exists())
	}
	found.Store(true)
	tf.Must("apply", "-auto-approve", "-var=timeout=1m")
	if addresses, _ := tf.Values(service)["addresses"].([]any); len(addresses) != 1 || o.Live().GetUID() != made {
		t.Errorf("the addresses are %v, the Service of UID %s has become one of UID %s", addresses, made, o.Live().GetUID())
	}
	tf.Must("destroy", "-auto-approve")
}

// An annotation can move a load balancer, so its addresses are unknown until it has changed.
func TestAccService_annotated(t *testing.T) {
	t.Parallel()
	o := acctest.NewObject(t, istio.Service(), acctest.Namespace(t), "test")
	tf := acctest.NewTerraform(t, "testdata/service/timeouts", "", map[string]any{"namespace": o.Namespace, "timeout": "1m"})
	tf.Must("apply", "-auto-approve")
	tf.Configure(acctest.Folder(t, "", map[string]string{
		"annotated_override.tf": `resource "lamia_service" "test" { annotations = { "example.com/internal" = "yes" } }`,
	}))
	if changes := toJSON(t, tf.Changes()); !strings.Contains(changes, `"after_unknown":{"addresses":true`) {
		t.Errorf("planned is %s", changes)
	}
	tf.Must("apply", "-auto-approve")
	tf.Empty()
	tf.Must("destroy", "-auto-approve")
}
