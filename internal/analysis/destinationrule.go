package analysis

import (
	"fmt"
	"slices"

	"istio.io/api/label"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
)

// DestinationRule says what of a stored destination rule has no effect, or another than it seems.
func DestinationRule(r Reader, dr *networking.DestinationRule) []engine.Finding {
	a := analyzer{r}
	return slices.Concat(a.pods(dr), a.elsewhere(dr))
}

// augmented are labels that Istio adds to a pod's own, of its node and its network (AugmentLabels in
// pilot/pkg/serviceregistry/util/label/label.go).
var augmented = []string{
	corev1.LabelTopologyRegion, corev1.LabelTopologyZone, corev1.LabelHostname,
	label.TopologySubzone.Name, label.TopologyCluster.Name, label.TopologyNetwork.Name,
}

// pods finds subsets whose labels none of the Service's pods has.
func (a analyzer) pods(dr *networking.DestinationRule) (findings []engine.Finding) {
	name, ok := service(resolve(dr.Spec.Host, dr.Namespace))
	if !ok || len(dr.Spec.Subsets) == 0 {
		return nil
	}
	services, _ := a.Services(name.Namespace)
	svc := find(services, name.Name)
	if svc == nil || len(svc.Spec.Selector) == 0 || svc.Spec.Type == corev1.ServiceTypeExternalName {
		return nil
	}
	pods, known := a.Pods(name.Namespace)
	if !known {
		return nil
	}
	for i, subset := range dr.Spec.Subsets {
		if len(subset.GetLabels()) == 0 || slices.ContainsFunc(augmented, labels.Set(subset.GetLabels()).Has) {
			continue
		}
		selector := labels.Merge(svc.Spec.Selector, subset.GetLabels()).AsSelector()
		if slices.ContainsFunc(pods, func(pod labels.Set) bool { return selector.Matches(pod) }) {
			continue
		}
		us := quoted("DestinationRule", nameOf(dr))
		findings = append(findings, engine.Finding{
			Field:   fmt.Sprintf("spec.subsets[%d].labels", i),
			Summary: fmt.Sprintf("Subset %q of %s selects no pod of %s", subset.GetName(), us, quoted("Service", name)),
			Detail: fmt.Sprintf("Namespace %q has no pod yet with all the labels of the Service's selector and the subset: %s. "+
				"Requests to a subset without pods are answered with 503. Correct the labels, or start pods that have them.", name.Namespace, selector),
		})
	}
	return findings
}

// elsewhere finds other destination rules for the same host and the same proxies.
func (a analyzer) elsewhere(dr *networking.DestinationRule) (findings []engine.Finding) {
	h := resolve(dr.Spec.Host, dr.Namespace)
	owner := a.owner(h, dr.Namespace)
	for _, namespace := range related(dr) {
		others, _ := a.DestinationRules(namespace)
		for _, other := range others {
			if nameOf(other) == nameOf(dr) || resolve(other.Spec.Host, other.Namespace) != h || !sameWorkloads(dr, other) {
				continue
			}
			us, it := quoted("DestinationRule", nameOf(dr)), quoted("DestinationRule", nameOf(other))
			var detail string
			switch {
			case other.Namespace == dr.Namespace: // mergeDestinationRule in pilot/pkg/model/destination_rule.go
				first, second := dr, other
				if byAge(dr, other) > 0 {
					first, second = other, dr
				}
				detail = fmt.Sprintf("Istio merges them, and %s comes first, because %s: the traffic policy is its own if it has one, and of two subsets of the same name "+
					"its own counts. Put both into one.", quoted("DestinationRule", nameOf(first)), whyByAge(first, second))
			case dr.Namespace == owner && visible(dr).include(other.Namespace):
				detail = local(other, dr)
			case other.Namespace == owner && visible(other).include(dr.Namespace):
				detail = local(dr, other)
			default: // each is for other proxies
				continue
			}
			findings = append(findings, engine.Finding{
				Field:   "spec.host",
				Summary: fmt.Sprintf("%s and %s are for the same host", us, it),
				Detail:  fmt.Sprintf("Both are for host %q. %s", h, detail),
			})
		}
	}
	return findings
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

// local says that the rule of the proxies' own namespace goes before that of the host's (destinationRule in pilot/pkg/model/push_context.go).
func local(near, far *networking.DestinationRule) string {
	return fmt.Sprintf("Proxies of namespace %q follow %s alone, and all others %s: nothing of the latter, neither subsets nor traffic policy, "+
		"counts for the former. If that is not meant, keep one of them.", near.Namespace, quoted("DestinationRule", nameOf(near)), quoted("DestinationRule", nameOf(far)))
}

func sameWorkloads(a, b *networking.DestinationRule) bool {
	one, other := a.Spec.WorkloadSelector, b.Spec.WorkloadSelector
	return (one == nil) == (other == nil) && labels.Equals(one.GetMatchLabels(), other.GetMatchLabels())
}
