package istio_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

// After the apply of a gateway, its proxies run, and its address is in the state and in outputs. A destroy leaves nothing behind.
func TestAccGateway_proxies(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	g := newGateway(t, "gw")
	address := found(g.loadBalancer)
	g.test(
		resource.TestStep{
			ConfigDirectory: g.config(nil),
			ConfigPlanChecks: plans(plancheck.ResourceActionCreate,
				unknown("address"), unknown("addresses"), plancheck.ExpectUnknownOutputValue("address"),
				plancheck.ExpectUnknownValue(gatewayAddress, tfjsonpath.New("companions").AtMapKey("Deployment"))),
			ConfigStateChecks: []statecheck.StateCheck{
				state("address", address),
				state("addresses", knownvalue.ListExact([]knownvalue.Check{address})),
				statecheck.ExpectKnownOutputValue("address", address),
				state("service_name", knownvalue.StringExact("gw-gateway")),
				state("deployment_name", knownvalue.StringExact("gw-gateway")),
				state("companions", inSync(g.companions()...)),
				acctest.Check(g.available),
				acctest.Check(g.owns),
				acctest.Check(g.selectsItsPods),
			},
		},
		resource.TestStep{ConfigDirectory: g.config(nil), PlanOnly: true},
	)
	g.gone()
}

// available checks that all proxies run with the image that istiod has injected.
func (g gateway) available() error {
	d := g.deployment()
	var running []string
	for _, o := range list(g.t, pods, g.Namespace, d.Spec.Selector.MatchLabels) {
		pod := as[corev1.Pod](g.t, &o)
		if pod.DeletionTimestamp == nil && pod.Status.Phase == corev1.PodRunning && pod.Spec.Containers[0].Image != "auto" {
			running = append(running, pod.Name)
		}
	}
	if n := int(*d.Spec.Replicas); int(d.Status.AvailableReplicas) != n || len(running) != n {
		return fmt.Errorf("of %d proxies %d are available: %v", n, d.Status.AvailableReplicas, running)
	}
	return nil
}

// owns checks that all companions exist, and that the Gateway owns them.
func (g gateway) owns() error {
	owner := metav1.OwnerReference{APIVersion: "networking.istio.io/v1", Kind: "Gateway", Name: g.Name, UID: g.Live().GetUID(), BlockOwnerDeletion: new(true)}
	live := g.live()
	var errs []error
	for _, kind := range g.companions() {
		if live[kind] == nil {
			errs = append(errs, fmt.Errorf("there is no %s", kind))
			continue
		}
		errs = append(errs, is("the owners of the "+kind, live[kind].GetOwnerReferences(), []metav1.OwnerReference{owner}))
	}
	return errors.Join(errs...)
}

// selectsItsPods checks that the Gateway, the Service and the Deployment select exactly the gateway's own pods in the cluster.
func (g gateway) selectsItsPods() error {
	selector, _ := g.Spec()["selector"].(map[string]any)
	with := make(map[string]string)
	for key, value := range selector {
		with[key] = value.(string)
	}
	selected := names(list(g.t, pods, metav1.NamespaceAll, with))
	if len(selected) == 0 || slices.ContainsFunc(selected, func(pod string) bool { return !strings.HasPrefix(pod, g.Namespace+"/") }) {
		return fmt.Errorf("in the cluster, the selector %v selects the pods %v", with, selected)
	}
	return errors.Join(
		is("the Service's selector", g.service().Spec.Selector, with),
		is("the Deployment's selector", g.deployment().Spec.Selector.MatchLabels, with),
	)
}

// A new port is added to the same Service. Nothing else changes, and no proxy restarts.
func TestAccGateway_ports(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	g := newGateway(t, "gw")
	var service *corev1.Service
	var deployment *appsv1.Deployment
	var proxies, versions []string
	remember := func() {
		service, deployment = g.service(), g.deployment()
		proxies, versions = names(list(t, pods, g.Namespace, nil)), names(list(t, replicaSets, g.Namespace, nil))
	}
	untouched := acctest.Check(func() error {
		s, d := g.service(), g.deployment()
		return errors.Join(
			is("the Service's UID", s.UID, service.UID),
			is("its cluster IP", s.Spec.ClusterIP, service.Spec.ClusterIP),
			is("its address", s.Status.LoadBalancer, service.Status.LoadBalancer),
			is("its node port for 80", portOf(s, 80), portOf(service, 80)),
			is("its status port", portOf(s, 15021), portOf(service, 15021)),
			is("the Deployment's generation", d.Generation, deployment.Generation),
			is("the proxies", names(list(t, pods, g.Namespace, nil)), proxies),
			is("their versions", names(list(t, replicaSets, g.Namespace, nil)), versions),
		)
	})
	offers := func(want ...int32) acctest.Check {
		return func() error {
			var got []int32
			for _, p := range g.service().Spec.Ports {
				got = append(got, p.Port)
			}
			slices.Sort(got)
			return is("the Service's ports", got, want)
		}
	}
	address := found(func() string { return service.Status.LoadBalancer.Ingress[0].IP })
	g.test(
		resource.TestStep{ConfigDirectory: g.config(object{"servers": servers(80, 8080)}), ConfigStateChecks: []statecheck.StateCheck{offers(80, 8080, 15021)}},
		resource.TestStep{
			PreConfig:         remember,
			ConfigDirectory:   g.config(object{"servers": servers(80, 9090, 9443)}),
			ConfigPlanChecks:  plans(plancheck.ResourceActionUpdate, planned("address", address), plancheck.ExpectKnownOutputValue("address", address)),
			ConfigStateChecks: []statecheck.StateCheck{untouched, offers(80, 9090, 9443, 15021), state("address", address)},
		},
		resource.TestStep{ // the order and the names of servers do not matter
			PreConfig:        remember,
			ConfigDirectory:  g.config(object{"servers": renamed(servers(9443, 80))}),
			ConfigPlanChecks: plans(plancheck.ResourceActionUpdate, planned("address", address)),
			ConfigStateChecks: []statecheck.StateCheck{offers(80, 9443, 15021), state("address", address), acctest.Check(func() error {
				return is("the node port for 80", portOf(g.service(), 80).NodePort, portOf(service, 80).NodePort)
			})},
		},
	)
}

// portOf returns the Service's port with this number.
func portOf(s *corev1.Service, number int32) corev1.ServicePort {
	i := slices.IndexFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == number })
	if i < 0 {
		return corev1.ServicePort{}
	}
	return s.Spec.Ports[i]
}

func renamed(servers []object) []object {
	for _, s := range servers {
		s["port"].(object)["name"] = "x-" + s["port"].(object)["name"].(string)
	}
	return servers
}

// A gateway changes from existing proxies to its own, and back, in place.
func TestAccGateway_switch(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	g := newGateway(t, "gw")
	var uid string
	same := state("uid", found(func() string { return uid }))
	selecting := object{"selector": object{"istio": "ingressgateway"}}
	none := acctest.Check(func() error {
		g.t.Helper()
		eventually(t, "no pod is left", func() bool { return len(list(t, pods, g.Namespace, nil)) == 0 })
		return is("companions", slices.Collect(maps.Keys(g.live())), []string(nil))
	})
	selects := func() []statecheck.StateCheck {
		return []statecheck.StateCheck{
			none, state("companions", knownvalue.Null()), state("address", knownvalue.Null()), state("addresses", knownvalue.Null()),
			state("service_name", knownvalue.Null()), state("deployment_name", knownvalue.Null()),
			acctest.Check(func() error {
				return is("the selector", g.Spec()["selector"], map[string]any{"istio": "ingressgateway"})
			}),
		}
	}
	g.test(
		resource.TestStep{ConfigDirectory: g.config(selecting), ConfigStateChecks: selects()},
		resource.TestStep{
			PreConfig:       func() { uid = string(g.Live().GetUID()) },
			ConfigDirectory: g.config(nil),
			ConfigPlanChecks: plans(plancheck.ResourceActionUpdate,
				unknown("address"), plancheck.ExpectUnknownOutputValue("address"), planned("companions", inSync(g.companions()...))),
			ConfigStateChecks: []statecheck.StateCheck{
				same, state("address", found(g.loadBalancer)), state("companions", inSync(g.companions()...)), acctest.Check(g.owns), acctest.Check(g.available),
				acctest.Check(g.selectsItsPods),
			},
		},
		resource.TestStep{
			ConfigDirectory:   g.config(selecting),
			ConfigPlanChecks:  plans(plancheck.ResourceActionUpdate, planned("companions", knownvalue.Null())),
			ConfigStateChecks: append(selects(), same),
		},
	)
}

// Two teams can give their gateways the same name, and neither gateway serves the other's hosts.
func TestAccGateway_sameName(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	one, two := newGateway(t, "gw"), newGateway(t, "gw")
	gateways := make(map[string]object)
	for team, g := range map[string]gateway{"one": one, "two": two} {
		gateways[team] = object{"namespace": g.Namespace, "name": g.Name, "servers": servers(80)}
	}
	acctest.Test(t, one.Namespace, resource.TestStep{
		ConfigDirectory: configuration(t, istio.Gateway(), gateways),
		ConfigStateChecks: []statecheck.StateCheck{
			acctest.Check(one.selectsItsPods), acctest.Check(two.selectsItsPods), acctest.Check(one.available), acctest.Check(two.available),
			acctest.Check(func() error {
				if a, b := one.loadBalancer(), two.loadBalancer(); a == b {
					return fmt.Errorf("both have the address %s", a)
				}
				return nil
			}),
		},
	})
	two.gone()
}

// If someone else deletes the Gateway, Kubernetes deletes all objects that it owns, and the next apply recreates it.
func TestAccGateway_deletedByOthers(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	g := newGateway(t, "gw")
	g.test(
		resource.TestStep{ConfigDirectory: g.config(nil)},
		resource.TestStep{
			PreConfig:         func() { g.Delete(); g.gone() },
			ConfigDirectory:   g.config(nil),
			ConfigPlanChecks:  plans(plancheck.ResourceActionCreate, unknown("address")),
			ConfigStateChecks: []statecheck.StateCheck{acctest.Check(g.owns), acctest.Check(g.available), state("address", found(g.loadBalancer))},
		},
	)
}
