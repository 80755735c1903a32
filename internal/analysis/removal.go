package analysis

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"istio.io/api/networking/v1alpha3"
	networking "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
)

// Removal says which virtual services still route to subsets that the update of a destination rule takes away.
func Removal(r Reader, before, after *networking.DestinationRule) (findings []engine.Finding) {
	if !removes(before, after) {
		return nil
	}
	for _, namespace := range related(before) {
		all, _ := r.VirtualServices(namespace)
		for _, vs := range all {
			var routes []string
			gone := map[string]bool{}
			for field, d := range destinations(&vs.Spec) {
				if loses(r, before, after, vs, d) {
					routes = append(routes, strings.TrimPrefix(field, "spec."))
					gone[d.GetSubset()] = true
				}
			}
			if routes == nil {
				continue
			}
			us, it := quoted("DestinationRule", nameOf(after)), quoted("VirtualService", nameOf(vs))
			findings = append(findings, engine.Finding{
				Field:   "spec.subsets",
				Summary: fmt.Sprintf("%s still routes to %s of %s", it, list(slices.Sorted(maps.Keys(gone))), us),
				Detail: fmt.Sprintf("Without the subset, requests that %s sends there would be answered with 503: see its %s. Nothing was written. "+
					"Apply that VirtualService first, with the subset still in place, so that it does not route there any more; take the subset away after that. "+
					"If this apply was to do both, apply again, unless the VirtualService refers to the lamia_destination_rule: Terraform changes after it what refers to it.",
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

// loses reports whether some proxy that routes by vs has the destination's subset from the rule before the update, and from none after it.
func loses(r Reader, before, after *networking.DestinationRule, vs *networking.VirtualService, d *v1alpha3.Destination) bool {
	if !hasSubset(before, d.GetSubset()) {
		return false
	}
	was, is := analyzer{with{r, before}}, analyzer{with{r, after}}
	return slices.ContainsFunc(was.clients(vs), func(client string) bool {
		then, _ := was.rules(client, vs.Namespace, d.GetHost())
		now, known := is.rules(client, vs.Namespace, d.GetHost())
		return slices.Contains(then, before) && known &&
			!slices.ContainsFunc(now, func(dr *networking.DestinationRule) bool { return hasSubset(dr, d.GetSubset()) })
	})
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
