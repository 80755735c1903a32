package istio_test

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	apischema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	object_ "github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

const gatewayAddress = "lamia_gateway.test"

// gateway is the Gateway of gatewayAddress, in its own namespace.
type gateway struct {
	*acctest.Object
	t *testing.T
}

// idle is a gateway with all companions, but without running proxies.
var idle = object{"workload": object{"replicas": 0}}

func newGateway(t *testing.T, name string) gateway {
	t.Helper()
	return gateway{acctest.NewObject(t, istio.Gateway(), acctest.Namespace(t), name), t}
}

// companion returns the companion of this kind.
func (g gateway) companion(kind string) *acctest.Object {
	g.t.Helper()
	k := &object_.Kind{Kind: kind, Resource: g.Kind.Companions.Resources[kind]}
	return acctest.NewObject(g.t, k, g.Namespace, g.Kind.Companions.Name(g.Name))
}

// companions returns the kinds of companions that a gateway can have.
func (g gateway) companions() []string { return slices.Sorted(maps.Keys(g.Kind.Companions.Resources)) }

// live returns the existing companions, by kind.
func (g gateway) live() map[string]*unstructured.Unstructured {
	g.t.Helper()
	found := make(map[string]*unstructured.Unstructured)
	for kind, resource := range g.Kind.Companions.Resources {
		for _, o := range list(g.t, resource, g.Namespace, nil) {
			if o.GetName() == g.Kind.Companions.Name(g.Name) {
				o.SetKind(kind) // objects in a list may lack their kind
				found[kind] = &o
			}
		}
	}
	return found
}

// folder returns a folder with a configuration of the gateway. By default it has a server on port 80. Its address is an output.
func (g gateway) folder(attributes object) string {
	g.t.Helper()
	all := object{"namespace": g.Namespace, "name": g.Name, "servers": servers(80)}
	maps.Copy(all, attributes)
	return acctest.Folder(g.t, "", map[string]string{"main.tf.json": toJSON(g.t, object{
		"resource": object{"lamia_gateway": object{"test": all}},
		"output":   object{"address": object{"value": "${" + gatewayAddress + ".address}"}},
	})})
}

func (g gateway) config(attributes object) config.TestStepConfigFunc {
	g.t.Helper()
	return config.StaticDirectory(g.folder(attributes))
}

// terraform returns the CLI with the configuration of the gateway.
func (g gateway) terraform(attributes object) *acctest.Terraform {
	g.t.Helper()
	return acctest.NewTerraform(g.t, g.folder(attributes), "", nil)
}

// test runs acctest.Test in the gateway's namespace.
func (g gateway) test(steps ...resource.TestStep) {
	g.t.Helper()
	acctest.Test(g.t, g.Namespace, steps...)
}

// servers returns a server for each port.
func servers(ports ...int) (servers []object) {
	for _, port := range ports {
		servers = append(servers, object{
			"hosts": []string{"*"}, "port": object{"number": port, "name": fmt.Sprint("http-", port), "protocol": "HTTP"},
		})
	}
	return servers
}

// as returns the object as a type of Kubernetes' API.
func as[T any](t *testing.T, o *unstructured.Unstructured) *T {
	t.Helper()
	typed := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, typed); err != nil {
		t.Fatal(err)
	}
	return typed
}

func (g gateway) service() *corev1.Service {
	g.t.Helper()
	return as[corev1.Service](g.t, g.companion("Service").Live())
}

func (g gateway) deployment() *appsv1.Deployment {
	g.t.Helper()
	return as[appsv1.Deployment](g.t, g.companion("Deployment").Live())
}

func resources(t *testing.T, resource apischema.GroupVersionResource) dynamic.NamespaceableResourceInterface {
	t.Helper()
	c, err := dynamic.NewForConfig(acctest.Config(t))
	if err != nil {
		t.Fatal(err)
	}
	return c.Resource(resource)
}

// list returns all objects with these labels in the namespace, or in all namespaces if it is "".
func list(t *testing.T, resource apischema.GroupVersionResource, namespace string, with map[string]string) []unstructured.Unstructured {
	t.Helper()
	list, err := resources(t, resource).Namespace(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: labels.SelectorFromSet(with).String()})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func names(objects []unstructured.Unstructured) (names []string) {
	for _, o := range objects {
		names = append(names, o.GetNamespace()+"/"+o.GetName())
	}
	slices.Sort(names)
	return names
}

var (
	pods        = corev1.SchemeGroupVersion.WithResource("pods")
	replicaSets = appsv1.SchemeGroupVersion.WithResource("replicasets")
)

// eventually waits until is returns true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		return is(), nil
	}); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// gone waits until nothing is left of the gateway, including its pods.
func (g gateway) gone() {
	g.t.Helper()
	eventually(g.t, fmt.Sprintf("nothing is left of %s", g), func() bool {
		return !g.Exists() && len(g.live()) == 0 && len(list(g.t, replicaSets, g.Namespace, nil)) == 0 && len(list(g.t, pods, g.Namespace, nil)) == 0
	})
}

// state checks an attribute of the gateway.
func state(attribute string, check knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(gatewayAddress, tfjsonpath.New(attribute), check)
}

// planned checks the planned value of an attribute of the gateway.
func planned(attribute string, check knownvalue.Check) plancheck.PlanCheck {
	return plancheck.ExpectKnownValue(gatewayAddress, tfjsonpath.New(attribute), check)
}

func unknown(attribute string) plancheck.PlanCheck {
	return plancheck.ExpectUnknownValue(gatewayAddress, tfjsonpath.New(attribute))
}

// plans checks the planned action for the gateway, and runs other checks of the plan.
func plans(action plancheck.ResourceActionType, checks ...plancheck.PlanCheck) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: append([]plancheck.PlanCheck{plancheck.ExpectResourceAction(gatewayAddress, action)}, checks...)}
}

// inSync checks that companions of exactly these kinds exist and are in sync.
func inSync(kinds ...string) knownvalue.Check {
	states := make(map[string]knownvalue.Check)
	for _, kind := range kinds {
		states[kind] = knownvalue.StringExact("in sync")
	}
	return knownvalue.MapExact(states)
}

// found checks a value that is known only while the test runs.
func found(what func() string) knownvalue.Check {
	return knownvalue.StringFunc(func(value string) error {
		if want := what(); value != want {
			return fmt.Errorf("%q, want %q", value, want)
		}
		return nil
	})
}

// loadBalancer returns the address of the gateway's Service.
func (g gateway) loadBalancer() string {
	g.t.Helper()
	ingress := g.service().Status.LoadBalancer.Ingress
	if len(ingress) != 1 {
		g.t.Fatalf("the Service has the addresses %v, want one", ingress)
	}
	return ingress[0].IP
}

// is returns an error if two values differ.
func is(what string, got, want any) error {
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
	return nil
}
