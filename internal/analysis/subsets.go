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

	"github.com/magneticio/terraform-provider-lamia/internal/object"
)

// subsets finds those that a virtual service routes to and no destination rule has.
func (a analyzer) subsets(vs *networking.VirtualService) (findings []object.Finding) {
	clients := a.clients(vs)
	for field, d := range destinations(&vs.Spec) {
		for _, client := range clients {
			rules, known := a.rules(client, vs.Namespace, d.GetHost())
			if !known || slices.ContainsFunc(rules, func(dr *networking.DestinationRule) bool { return hasSubset(dr, d.GetSubset()) }) {
				continue
			}
			us := quoted("VirtualService", nameOf(vs))
			there := []string{"has no DestinationRule yet, unless the mesh's root namespace has one"}
			if rules != nil {
				there = nil
			}
			for _, dr := range rules {
				there = append(there, fmt.Sprintf("follows %s, which has %s", quoted("DestinationRule", nameOf(dr)), subsetNames(dr)))
			}
			findings = append(findings, object.Finding{
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
		if rules := mostSpecific(all, h, client); rules != nil {
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

// mostSpecific are the rules for the host that fits best (MostSpecificHostMatch in pilot/pkg/model/config.go), of those that are visible to
// the client.
func mostSpecific(all []*networking.DestinationRule, h host.Name, client string) (rules []*networking.DestinationRule) {
	var best host.Name
	for _, dr := range all {
		is := resolve(dr.Spec.Host, dr.Namespace)
		switch {
		case !h.SubsetOf(is) || !visible(dr).include(client):
		case rules != nil && is == best:
			rules = append(rules, dr)
		case rules == nil || host.MoreSpecific(is, best):
			best, rules = is, []*networking.DestinationRule{dr}
		}
	}
	return rules
}

// visible are the namespaces that see a rule: one for certain workloads, its own alone (setDestinationRules in pilot/pkg/model/push_context.go).
func visible(dr *networking.DestinationRule) exports {
	if dr.Spec.WorkloadSelector != nil {
		return exports{namespaces: []string{dr.Namespace}}
	}
	return exported(dr.Spec.ExportTo, dr.Namespace)
}

// Removal says which virtual services still route to subsets that the update takes away.
func Removal(r Reader, before, after *networking.DestinationRule) (findings []object.Finding) {
	if !removes(before, after) {
		return nil
	}
	was, is := analyzer{with{r, before}}, analyzer{with{r, after}}
	for _, namespace := range related(before) {
		all, _ := r.VirtualServices(namespace)
		for _, vs := range all {
			var routes []string
			gone := map[string]bool{}
			for field, d := range destinations(&vs.Spec) {
				if !hasSubset(before, d.GetSubset()) {
					continue
				}
				for _, client := range was.clients(vs) {
					then, _ := was.rules(client, vs.Namespace, d.GetHost())
					now, known := is.rules(client, vs.Namespace, d.GetHost())
					has := func(dr *networking.DestinationRule) bool { return hasSubset(dr, d.GetSubset()) }
					if slices.Contains(then, before) && known && !slices.ContainsFunc(now, has) {
						routes = append(routes, strings.TrimPrefix(field, "spec."))
						gone[d.GetSubset()] = true
						break
					}
				}
			}
			if routes == nil {
				continue
			}
			us, it := quoted("DestinationRule", nameOf(after)), quoted("VirtualService", nameOf(vs))
			names := list(slices.Sorted(maps.Keys(gone)))
			findings = append(findings, object.Finding{
				Field:   "spec.subsets",
				Summary: fmt.Sprintf("%s still routes to %s of %s", it, names, us),
				Detail: fmt.Sprintf("Without the subset, requests that %s sends there would be answered with 503: see its %s. Nothing was written. "+
					"Apply that VirtualService first, with the subset still in place, so that it does not route there any more; take the subset away after that. "+
					"In one apply that works only if the VirtualService does not refer to lamia_destination_rule: Terraform changes last what refers to others.",
					it, strings.Join(routes, ", ")),
			})
		}
	}
	return findings
}

// removes reports whether a subset goes, or the host that subsets are of.
func removes(before, after *networking.DestinationRule) bool {
	return slices.ContainsFunc(before.Spec.Subsets, func(s *v1alpha3.Subset) bool { return !hasSubset(after, s.GetName()) }) ||
		len(before.Spec.Subsets) > 0 && before.Spec.Host != after.Spec.Host
}

// related are the namespaces that a destination rule names: its own, its Service's and those that it is exported to.
func related(dr *networking.DestinationRule) []string {
	namespaces := append([]string{dr.Namespace}, exported(dr.Spec.ExportTo, dr.Namespace).namespaces...)
	if s, ok := service(resolve(dr.Spec.Host, dr.Namespace)); ok {
		namespaces = append(namespaces, s.Namespace)
	}
	slices.Sort(namespaces)
	return slices.Compact(namespaces)
}

// with is the cluster with one rule as given.
type with struct {
	Reader
	dr *networking.DestinationRule
}

// DestinationRules are those of the namespace, with the given one among them.
func (w with) DestinationRules(namespace string) ([]*networking.DestinationRule, bool) {
	all, known := w.Reader.DestinationRules(namespace)
	if namespace != w.dr.Namespace {
		return all, known
	}
	others := slices.DeleteFunc(slices.Clone(all), func(dr *networking.DestinationRule) bool { return dr.Name == w.dr.Name })
	return append(others, w.dr), known
}
