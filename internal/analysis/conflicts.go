package analysis

import (
	"fmt"
	"slices"

	networking "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pkg/config/host"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
)

// conflicts finds other virtual services that have the same host on the same gateway.
func (a analyzer) conflicts(vs *networking.VirtualService) (findings []engine.Finding) {
	for _, namespace := range relatedTo(vs) {
		others, _ := a.VirtualServices(namespace)
		for _, other := range others {
			if nameOf(other) == nameOf(vs) || !overlap(vs, other) { // most do not
				continue
			}
			both := exported(vs.Spec.ExportTo, vs.Namespace).viewers(exported(other.Spec.ExportTo, other.Namespace))
			if both.none() {
				continue
			}
			for _, gateway := range sharedGateways(vs, other) {
				if i, h := a.sharedHost(vs, other, gateway); h != "" {
					findings = append(findings, conflict(vs, other, gateway, both, i, h))
				}
			}
		}
	}
	return findings
}

// overlap reports whether a request may be for a host of both.
func overlap(vs, other *networking.VirtualService) bool {
	return slices.ContainsFunc(vs.Spec.Hosts, func(ours string) bool {
		h := resolve(ours, vs.Namespace)
		return slices.ContainsFunc(other.Spec.Hosts, func(theirs string) bool { return h.Matches(resolve(theirs, other.Namespace)) })
	})
}

// relatedTo are the namespaces that a virtual service names: its own, its gateways' and, in the mesh, its hosts'.
func relatedTo(vs *networking.VirtualService) []string {
	namespaces := []string{vs.Namespace}
	for _, name := range gatewaysOf(vs) {
		if name != mesh {
			namespaces = append(namespaces, gatewayName(name, vs.Namespace).Namespace)
			continue
		}
		for _, h := range vs.Spec.Hosts {
			if s, ok := service(resolve(h, vs.Namespace)); ok {
				namespaces = append(namespaces, s.Namespace)
			}
		}
	}
	slices.Sort(namespaces)
	return slices.Compact(namespaces)
}

// sharedGateways are those that both have, as the first one calls them.
func sharedGateways(vs, other *networking.VirtualService) (shared []string) {
	for _, name := range gatewaysOf(vs) {
		if slices.ContainsFunc(gatewaysOf(other), func(theirs string) bool {
			if name == mesh || theirs == mesh {
				return name == theirs
			}
			return gatewayName(name, vs.Namespace) == gatewayName(theirs, other.Namespace)
		}) {
			shared = append(shared, name)
		}
	}
	return shared
}

// sharedHost is the first host for which a gateway has rules of both, and the index of that of vs. Hosts that merely overlap are none: the
// more specific one goes before the other, whatever their age.
func (a analyzer) sharedHost(vs, other *networking.VirtualService, gateway string) (int, host.Name) {
	theirs := a.effective(other, gatewayOf(other, vs, gateway), other.Spec.Hosts)
	for i, h := range vs.Spec.Hosts {
		for _, ours := range a.effective(vs, gateway, []string{h}) {
			if theirs.Contains(ours) {
				return i, ours
			}
		}
	}
	return 0, ""
}

// gatewayOf is what the other one calls the gateway of vs.
func gatewayOf(other, vs *networking.VirtualService, gateway string) string {
	if gateway == mesh {
		return mesh
	}
	return gatewayName(gateway, vs.Namespace).String()
}

// effective are the hosts that a gateway has rules of a virtual service for: those that both have, if the Gateway is known
// (buildGatewayHTTPRouteConfig in pilot/pkg/networking/core/gateway.go).
func (a analyzer) effective(vs *networking.VirtualService, gateway string, hosts []string) host.Names {
	var names host.Names
	for _, h := range hosts {
		names = append(names, resolve(h, vs.Namespace))
	}
	if gateway == mesh {
		return names
	}
	g, _ := a.gateway(gateway, vs.Namespace)
	if g == nil {
		return names
	}
	var effective host.Names
	for _, server := range g.Spec.Servers {
		effective = append(effective, serverHosts(g, server, vs.Namespace).Intersection(names)...)
	}
	return effective
}

// conflict says which of two goes before the other: of those that both can be seen, the one that is exported to the fewest namespaces, then
// the oldest (VirtualServicesForGateway and SelectVirtualServices in pilot/pkg/model). In the mesh it is the only one.
func conflict(vs, other *networking.VirtualService, gateway string, both exports, i int, h host.Name) engine.Finding {
	first, second, why := vs, other, ""
	reach := func(vs *networking.VirtualService) int {
		switch e := exported(vs.Spec.ExportTo, vs.Namespace); {
		case e.everywhere:
			return 2
		case both.namespaces[0] == vs.Namespace:
			return 0
		}
		return 1
	}
	order := reach(vs) - reach(other)
	if order == 0 {
		order = byAge(vs, other)
	}
	if order > 0 {
		first, second = other, vs
	}
	if reach(first) == reach(second) {
		why = whyByAge(first, second)
	} else {
		why = "it is exported to fewer namespaces"
	}
	us, it := quoted("VirtualService", nameOf(vs)), quoted("VirtualService", nameOf(other))
	winner, loser := quoted("VirtualService", nameOf(first)), quoted("VirtualService", nameOf(second))
	where, effect := "in the mesh", fmt.Sprintf("Sidecars follow %s alone, because %s; for that host %s has no effect.", winner, why, loser)
	if gateway != mesh {
		where = "on " + quoted("Gateway", gatewayName(gateway, vs.Namespace))
		effect = fmt.Sprintf("%s comes first, because %s: only what none of its rules matches comes to those of %s.", winner, why, loser)
	}
	if !both.everywhere {
		where += fmt.Sprintf(", as namespace %q sees it", both.namespaces[0])
	}
	return engine.Finding{
		Field:   fmt.Sprintf("spec.hosts[%d]", i),
		Summary: fmt.Sprintf("%s and %s have the same host %s", us, it, where),
		Detail: fmt.Sprintf("Both have rules for host %q %s. %s Put the rules into one VirtualService, in the order that is meant, or give each its own host.",
			h, where, effect),
	}
}
