package analysis

import (
	"fmt"
	"slices"
	"strings"

	"istio.io/api/label"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pkg/config/host"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

// DestinationRule finds the parts of a stored destination rule that have no effect, or another effect than it seems.
func DestinationRule(r Reader, dr *networking.DestinationRule) []engine.Finding {
	h := mesh.Host(dr.Spec.Host, dr.Namespace)
	p := ask(r, dr.Namespace, questionOfRule(r, dr))
	if len(p.having(h)) == 0 {
		if says, known := p.unknownHost(h); known && !h.IsWildCarded() {
			return []engine.Finding{{
				Field:   "spec.host",
				Summary: fmt.Sprintf("%s is for host %q, which does not exist", quoted("DestinationRule", nameOf(dr)), dr.Spec.Host),
				Detail: says + fmt.Sprintf(" visible to proxies, so the rule has no effect. Create one, or correct the host: a name without dots is a Service "+
					"in namespace %q.", dr.Namespace),
			}}
		}
		return nil
	}
	return slices.Concat(p.emptySubsets(dr, h), p.sameHost(dr, h))
}

// augmented are labels that Istio adds to a pod's own labels, about its node and its network (AugmentLabels in
// pilot/pkg/serviceregistry/util/label/label.go).
var augmented = []string{
	corev1.LabelTopologyRegion, corev1.LabelTopologyZone, corev1.LabelHostname,
	label.TopologySubzone.Name, label.TopologyCluster.Name, label.TopologyNetwork.Name,
}

// emptySubsets finds subsets whose labels match no pod of the Service.
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
			Detail: fmt.Sprintf("Namespace %q has no pod yet with all the labels of the Service's selector and the subset: %s. Requests to a subset without pods fail "+
				"with 503. Correct the labels, or start pods that have them.", svc.Namespace, selector),
		})
	}
	return findings
}

// sameHost finds other rules for the same host and workloads, and says which of them proxies follow.
func (p *part) sameHost(dr *networking.DestinationRule, h host.Name) (findings []engine.Finding) {
	for _, other := range p.ruling[h] {
		workloads := dr.Spec.GetWorkloadSelector()
		if nameOf(other) == nameOf(dr) ||
			(workloads == nil) != (other.Spec.WorkloadSelector == nil) || !labels.Equals(workloads.GetMatchLabels(), other.Spec.GetWorkloadSelector().GetMatchLabels()) {
			continue
		}
		var says []string
		for _, client := range p.namespaces {
			_, sidecars := p.Sidecars(client)
			_, rules := p.DestinationRules(client)
			if !sidecars || !rules || client == p.Settings().Root() && dr.Namespace != client || !p.candidate(dr, h, client) || !p.candidate(other, h, client) {
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
				Detail:  fmt.Sprintf("Both are for host %q. %s If you do not want this, merge them or remove one.", h, strings.Join(says, " ")),
			})
		}
	}
	return findings
}

// candidate reports whether proxies of the namespace would follow the rule if there were no other.
func (p *part) candidate(dr *networking.DestinationRule, h host.Name, client string) bool {
	if dr.Namespace == client {
		return dr.Spec.WorkloadSelector != nil || exported(p, dr.Spec.ExportTo, dr.Namespace).include(client)
	}
	owner, _ := service(h)
	owns := owner.Namespace == dr.Namespace || slices.ContainsFunc(p.entries[h], func(e *networking.ServiceEntry) bool { return e.Namespace == dr.Namespace })
	return owns && dr.Spec.WorkloadSelector == nil && exported(p, dr.Spec.ExportTo, dr.Namespace).include(client)
}

// followed says which of two rules the proxies of a namespace follow. rules are all rules that they follow.
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
		return fmt.Sprintf("Proxies in namespace %q follow only %s. They ignore %s, both its subsets and its traffic policy.", client, winner, loser)
	}
	why := "it is older"
	if dr.CreationTimestamp.Equal(&other.CreationTimestamp) {
		why = "both were created in the same second and its name sorts first"
	}
	return fmt.Sprintf("For proxies in namespace %q Istio merges them, and %s comes first, because %s: its traffic policy applies if it has one, and of two "+
		"subsets with the same name its own applies.", client, winner, why)
}
