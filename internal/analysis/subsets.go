package analysis

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"istio.io/api/networking/v1alpha3"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pkg/config/constants"
	"istio.io/istio/pkg/config/host"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
)

// subsets finds those that a virtual service routes to and no destination rule has.
func (a analyzer) subsets(vs *networking.VirtualService) (findings []engine.Finding) {
	clients := a.clients(vs)
	for field, d := range destinations(&vs.Spec) {
		for _, client := range clients {
			rules, known := a.rules(client, vs.Namespace, d.GetHost())
			if !known || slices.ContainsFunc(rules, func(dr *networking.DestinationRule) bool { return hasSubset(dr, d.GetSubset()) }) {
				continue
			}
			us := quoted("VirtualService", nameOf(vs))
			there := []string{"has no DestinationRule yet, unless the mesh's root namespace has one"}
			if len(rules) > 0 {
				there = nil
			}
			for _, dr := range rules {
				there = append(there, fmt.Sprintf("follows %s, which has %s", quoted("DestinationRule", nameOf(dr)), subsetNames(dr)))
			}
			findings = append(findings, engine.Finding{
				Field:   field + ".subset",
				Summary: fmt.Sprintf("%s routes to the subset %q of %q, which is not there", us, d.GetSubset(), d.GetHost()),
				Detail: fmt.Sprintf("For host %q a proxy of namespace %q %s. Requests to a subset that no rule has are answered with 503. "+
					"Add the subset to a DestinationRule, or correct the name.", d.GetHost(), client, strings.Join(there, ", and ")),
			})
			break
		}
	}
	return findings
}

func subsetNames(dr *networking.DestinationRule) string {
	var names []string
	for _, s := range dr.Spec.Subsets {
		names = append(names, s.GetName())
	}
	if names == nil {
		return "no subsets"
	}
	return "the subsets " + list(names)
}

func hasSubset(dr *networking.DestinationRule, name string) bool {
	return slices.ContainsFunc(dr.Spec.Subsets, func(s *v1alpha3.Subset) bool { return s.GetName() == name })
}

// destinations are those with a subset, by field.
func destinations(vs *v1alpha3.VirtualService) iter.Seq2[string, *v1alpha3.Destination] {
	all := map[string]*v1alpha3.Destination{}
	for i, r := range vs.GetHttp() {
		for j, d := range r.GetRoute() {
			all[fmt.Sprintf("spec.http[%d].route[%d].destination", i, j)] = d.GetDestination()
		}
		all[fmt.Sprintf("spec.http[%d].mirror", i)] = r.GetMirror()
		for j, m := range r.GetMirrors() {
			all[fmt.Sprintf("spec.http[%d].mirrors[%d].destination", i, j)] = m.GetDestination()
		}
	}
	for i, r := range vs.GetTls() {
		for j, d := range r.GetRoute() {
			all[fmt.Sprintf("spec.tls[%d].route[%d].destination", i, j)] = d.GetDestination()
		}
	}
	for i, r := range vs.GetTcp() {
		for j, d := range r.GetRoute() {
			all[fmt.Sprintf("spec.tcp[%d].route[%d].destination", i, j)] = d.GetDestination()
		}
	}
	return func(yield func(string, *v1alpha3.Destination) bool) {
		for _, field := range slices.Sorted(maps.Keys(all)) {
			if all[field].GetSubset() != "" && !yield(field, all[field]) {
				return
			}
		}
	}
}

// clients are the namespaces, as far as they are known, of the proxies that route by a virtual service. Of a delegate they are those of who
// delegates to it.
func (a analyzer) clients(vs *networking.VirtualService) (namespaces []string) {
	if len(vs.Spec.Hosts) == 0 {
		roots, _ := a.VirtualServices(vs.Namespace)
		for _, root := range roots {
			if len(root.Spec.Hosts) > 0 && slices.ContainsFunc(root.Spec.Http, func(r *v1alpha3.HTTPRoute) bool {
				return r.GetDelegate() != nil && delegateName(r.GetDelegate(), root.Namespace) == nameOf(vs)
			}) {
				namespaces = append(namespaces, a.clients(root)...)
			}
		}
	} else {
		for _, name := range gatewaysOf(vs) {
			visible := exported(vs.Spec.ExportTo, vs.Namespace)
			switch {
			case name != mesh:
				namespaces = append(namespaces, gatewayName(name, vs.Namespace).Namespace)
			case visible.include(vs.Namespace):
				namespaces = append(namespaces, vs.Namespace)
			default:
				namespaces = append(namespaces, visible.namespaces...)
			}
		}
	}
	slices.Sort(namespaces)
	return slices.Compact(namespaces)
}

// rules are the DestinationRules that a proxy of the namespace client follows for what an object of the namespace calls hostname; false, if
// they are unknown. Those of the client's own namespace go before those of the host's (destinationRule in
// pilot/pkg/model/push_context.go). What the mesh's root namespace has for all is not looked at.
func (a analyzer) rules(client, namespace, hostname string) ([]*networking.DestinationRule, bool) {
	h := resolve(hostname, namespace)
	order := []string{client, a.owner(h, namespace)}
	if client == constants.IstioSystemNamespace {
		slices.Reverse(order)
	}
	for _, in := range slices.Compact(order) {
		all, known := []*networking.DestinationRule(nil), false
		if in != "" {
			all, known = a.DestinationRules(in)
		}
		if !known {
			return nil, false
		}
		if rules := mostSpecific(all, h, client); len(rules) > 0 {
			return rules, true
		}
	}
	return nil, true
}

// owner is the namespace of what is called so, "" if that is unknown: the Service's, or the one of the ServiceEntry.
func (a analyzer) owner(h host.Name, namespace string) string {
	if s, ok := service(h); ok {
		return s.Namespace
	}
	entries, _ := a.ServiceEntries(namespace)
	for _, e := range entries {
		if slices.ContainsFunc(host.NewNames(e.Spec.Hosts), h.SubsetOf) {
			return namespace
		}
	}
	return ""
}

// mostSpecific are the rules, of those of a namespace, for the host that fits best, as far as the client sees them. One that other namespaces see
// hides those that fit less from the client too (getExportedDestinationRuleFromNamespace in pilot/pkg/model/push_context.go).
func mostSpecific(all []*networking.DestinationRule, h host.Name, client string) (rules []*networking.DestinationRule) {
	var best host.Name
	for _, dr := range all {
		is, sees := resolve(dr.Spec.Host, dr.Namespace), visible(dr)
		local := client == dr.Namespace || slices.Equal(sees.namespaces, []string{dr.Namespace})
		switch {
		case !h.SubsetOf(is) || local && !sees.include(client):
		case rules != nil && is == best:
			rules = append(rules, dr)
		case rules == nil || host.MoreSpecific(is, best):
			best, rules = is, []*networking.DestinationRule{dr}
		}
	}
	return slices.DeleteFunc(rules, func(dr *networking.DestinationRule) bool { return !visible(dr).include(client) })
}

// visible are the namespaces that see a rule: one for certain workloads, its own alone (setDestinationRules in pilot/pkg/model/push_context.go).
func visible(dr *networking.DestinationRule) exports {
	if dr.Spec.WorkloadSelector != nil {
		return exports{namespaces: []string{dr.Namespace}}
	}
	return exported(dr.Spec.ExportTo, dr.Namespace)
}
