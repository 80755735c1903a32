package analysis

import (
	"fmt"
	"slices"
	"strings"

	"istio.io/api/label"
	"istio.io/api/networking/v1alpha3"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pkg/config/host"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

// DestinationRule says what of a stored destination rule has no effect, or another than it seems.
func DestinationRule(r Reader, dr *networking.DestinationRule) []engine.Finding {
	h := mesh.Host(dr.Spec.Host, dr.Namespace)
	p := ask(r, dr.Namespace, questionOfRule(dr))
	if len(p.having(h)) == 0 {
		if says, known := p.unknownHost(h); known && !h.IsWildCarded() {
			return []engine.Finding{{
				Field:   "spec.host",
				Summary: fmt.Sprintf("%s is for host %q, which is not there", quoted("DestinationRule", nameOf(dr)), dr.Spec.Host),
				Detail: says + fmt.Sprintf(" proxies see, so that the rule has no effect. Make one, or correct the host: a name without dots is a Service of "+
					"namespace %q.", dr.Namespace),
			}}
		}
		return nil
	}
	return slices.Concat(p.emptySubsets(dr, h), p.sameHost(dr, h))
}

// augmented are labels that Istio adds to a pod's own, of its node and its network (AugmentLabels in
// pilot/pkg/serviceregistry/util/label/label.go).
var augmented = []string{
	corev1.LabelTopologyRegion, corev1.LabelTopologyZone, corev1.LabelHostname,
	label.TopologySubzone.Name, label.TopologyCluster.Name, label.TopologyNetwork.Name,
}

// emptySubsets finds subsets whose labels none of the Service's pods has.
func (p *part) emptySubsets(dr *networking.DestinationRule, h host.Name) (findings []engine.Finding) {
	svc := p.service(h)
	if svc == nil {
		return nil
	}
	for i, subset := range dr.Spec.Subsets {
		if len(subset.GetLabels()) == 0 || slices.ContainsFunc(augmented, labels.Set(subset.GetLabels()).Has) {
			continue
		}
		if pods, known := p.pods(svc, subset.GetLabels()); !known || pods > 0 {
			continue
		}
		us, selector := quoted("DestinationRule", nameOf(dr)), labels.Merge(svc.Spec.Selector, subset.GetLabels()).AsSelector()
		findings = append(findings, engine.Finding{
			Field:   at("spec.subsets[%d].labels", i),
			Summary: fmt.Sprintf("Subset %q of %s selects no pod of %s", subset.GetName(), us, quoted("Service", nameOf(svc))),
			Detail: fmt.Sprintf("Namespace %q has no pod yet with all the labels of the Service's selector and the subset: %s. "+
				"Requests to a subset without pods are answered with 503. Correct the labels, or start pods that have them.", svc.Namespace, selector),
		})
	}
	return findings
}

// sameHost finds other rules for the host and the same workloads, and says which of them proxies follow.
func (p *part) sameHost(dr *networking.DestinationRule, h host.Name) (findings []engine.Finding) {
	for _, other := range p.objects.DestinationRules {
		workloads := dr.Spec.GetWorkloadSelector()
		if nameOf(other) == nameOf(dr) || mesh.Host(other.Spec.Host, other.Namespace) != h ||
			(workloads == nil) != (other.Spec.WorkloadSelector == nil) || !labels.Equals(workloads.GetMatchLabels(), other.Spec.GetWorkloadSelector().GetMatchLabels()) {
			continue
		}
		var says []string
		for _, client := range p.namespaces {
			_, sidecars := p.Sidecars(client)
			_, rules := p.DestinationRules(client)
			if !sidecars || !rules || client == mesh.RootNamespace && dr.Namespace != client || !p.candidate(dr, h, client) || !p.candidate(other, h, client) {
				continue
			}
			if c := p.config(mesh.Proxy{Namespace: client, Labels: workloads.GetMatchLabels()}); c != nil {
				for _, name := range p.having(h) {
					if how := followed(c.DestinationRules(name), dr, other, client); how != "" && !slices.Contains(says, how) {
						says = append(says, how)
					}
				}
			}
		}
		if says != nil {
			findings = append(findings, engine.Finding{
				Field:   "spec.host",
				Summary: fmt.Sprintf("%s and %s are for the same host", quoted("DestinationRule", nameOf(dr)), quoted("DestinationRule", nameOf(other))),
				Detail:  fmt.Sprintf("Both are for host %q. %s If that is not meant, put both into one, or keep one of them.", h, strings.Join(says, " ")),
			})
		}
	}
	return findings
}

// candidate reports whether proxies of the namespace would follow the rule if there were no other.
func (p *part) candidate(dr *networking.DestinationRule, h host.Name, client string) bool {
	if dr.Namespace == client {
		return dr.Spec.WorkloadSelector != nil || exported(dr.Spec.ExportTo, dr.Namespace).include(client)
	}
	owner, _ := service(h)
	owns := owner.Namespace == dr.Namespace || slices.ContainsFunc(p.entries[h], func(e *networking.ServiceEntry) bool { return e.Namespace == dr.Namespace })
	return owns && dr.Spec.WorkloadSelector == nil && exported(dr.Spec.ExportTo, dr.Namespace).include(client)
}

// followed says what the proxies of a namespace make of two rules, when they follow these.
func followed(rules []types.NamespacedName, dr, other *networking.DestinationRule, client string) string {
	i, j := slices.Index(rules, nameOf(dr)), slices.Index(rules, nameOf(other))
	first, second := dr, other
	if i < 0 || j >= 0 && j < i {
		first, second = other, dr
	}
	winner, loser := quoted("DestinationRule", nameOf(first)), quoted("DestinationRule", nameOf(second))
	switch {
	case i < 0 && j < 0:
		return ""
	case i < 0 || j < 0:
		return fmt.Sprintf("Proxies of namespace %q follow %s alone: nothing of %s, neither subsets nor traffic policy, counts for them.", client, winner, loser)
	}
	why := "it is the older one"
	if dr.CreationTimestamp.Equal(&other.CreationTimestamp) {
		why = "both are of the same second, and its name comes first in the alphabet"
	}
	return fmt.Sprintf("For proxies of namespace %q Istio merges them, and %s comes first, because %s: the traffic policy is its own if it has one, and of two subsets "+
		"of the same name its own counts.", client, winner, why)
}

// Removal says which virtual services still route to subsets that the update of a destination rule takes away.
func Removal(r Reader, before, after *networking.DestinationRule) (findings []engine.Finding) {
	for _, u := range usersOf(r, before, after) {
		us, it := quoted("DestinationRule", nameOf(after)), quoted("VirtualService", nameOf(u.vs))
		findings = append(findings, engine.Finding{
			Field:   "spec.subsets",
			Summary: fmt.Sprintf("%s still routes to %s of %s", it, list(u.subsets), us),
			Detail: fmt.Sprintf("Without the subset, requests that %s sends there would be answered with 503: see its %s. Nothing was written. "+
				"Apply that VirtualService first, with the subset still in place, so that it does not route there any more; take the subset away after that. "+
				"If this apply was to do both, apply again, unless the VirtualService refers to the lamia_destination_rule: Terraform changes after it what refers to it.",
				it, strings.Join(u.routes, ", ")),
		})
	}
	return findings
}

// Needed are the subsets that the update of a destination rule takes away and virtual services still route to, with what to say of it.
func Needed(r Reader, before, after *networking.DestinationRule) (subsets []string, findings []engine.Finding) {
	for _, u := range usersOf(r, before, after) {
		subsets = append(subsets, u.subsets...)
		us, it := quoted("DestinationRule", nameOf(after)), quoted("VirtualService", nameOf(u.vs))
		findings = append(findings, engine.Finding{
			Field:   "spec.subsets",
			Summary: fmt.Sprintf("%s of %s stays as long as %s routes to it", list(u.subsets), us, it),
			Detail: fmt.Sprintf("Without the subset, requests that %s sends there would be answered with 503: see its %s. If this apply changes that, it takes the subset away "+
				"after it. Otherwise the next plan shows what is left to take away.", it, strings.Join(u.routes, ", ")),
		})
	}
	slices.Sort(subsets)
	return slices.Compact(subsets), findings
}

// user is a virtual service that routes to subsets.
type user struct {
	vs      *networking.VirtualService
	routes  []string
	subsets []string
}

// usersOf are those that lose subsets by the update of a destination rule.
func usersOf(r Reader, before, after *networking.DestinationRule) (users []user) {
	if !removes(before, after) {
		return nil
	}
	h := mesh.Host(before.Spec.Host, before.Namespace)
	for _, vs := range of(questionOfRule(before).namespaces, r.VirtualServices) {
		u := user{vs: vs}
		for _, d := range destinations(&vs.Spec) {
			if d.GetSubset() == "" || mesh.Host(d.GetHost(), vs.Namespace) != h && !h.IsWildCarded() {
				continue
			}
			field := d.field + ".subset"
			if lost(with{r, after}, vs)[field] && !lost(with{r, before}, vs)[field] {
				u.routes = append(u.routes, strings.TrimPrefix(d.field, "spec."))
				u.subsets = append(u.subsets, d.GetSubset())
			}
		}
		if u.routes != nil {
			slices.Sort(u.subsets)
			u.subsets = slices.Compact(u.subsets)
			users = append(users, u)
		}
	}
	return users
}

// lost are the fields of the destinations of a virtual service that are not there.
func lost(r Reader, vs *networking.VirtualService) map[string]bool {
	fields := map[string]bool{}
	for _, f := range VirtualService(r, vs) {
		fields[f.Field] = true
	}
	return fields
}

// removes reports whether a subset goes, or the host that subsets are of.
func removes(before, after *networking.DestinationRule) bool {
	return slices.ContainsFunc(before.Spec.Subsets, func(s *v1alpha3.Subset) bool { return !hasSubset(after, s.GetName()) }) ||
		len(before.Spec.Subsets) > 0 && before.Spec.Host != after.Spec.Host
}

func hasSubset(dr *networking.DestinationRule, name string) bool {
	return slices.ContainsFunc(dr.Spec.Subsets, func(s *v1alpha3.Subset) bool { return s.GetName() == name })
}

// with is the cluster with one rule as given.
type with struct {
	Reader
	dr *networking.DestinationRule
}

// Derived is nothing that others share.
func (with) Derived(any, func() any) (any, bool) { return nil, false }

// DestinationRules are those of the namespace, with the given one among them.
func (w with) DestinationRules(namespace string) ([]*networking.DestinationRule, bool) {
	all, known := w.Reader.DestinationRules(namespace)
	if namespace != w.dr.Namespace {
		return all, known
	}
	others := slices.DeleteFunc(slices.Clone(all), func(dr *networking.DestinationRule) bool { return dr.Name == w.dr.Name })
	return append(others, w.dr), known
}
