package analysis

import (
	"fmt"
	"slices"
	"strings"

	"istio.io/api/networking/v1alpha3"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pkg/config/host"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

// Losses finds virtual services that lose something when an object changes or is deleted (after is nil).
func Losses(r Reader, kind string, before, after metav1.Object) (findings []engine.Finding) {
	us, what := quoted(kind, nameOf(before)), "deletion"
	if after != nil {
		what = "change"
	}
	for _, l := range losers(r, before, after) {
		findings = append(findings, engine.Finding{
			Summary: fmt.Sprintf("%s still needs %s as it was", quoted("VirtualService", nameOf(l.vs)), us),
			Detail: fmt.Sprintf("At %s: %s. %s The %s goes ahead. To lose no requests, change the VirtualService in an earlier apply, or set "+
				"create_before_destroy in the lifecycle block of a resource that is replaced.",
				strings.TrimPrefix(l.lost[0].Field, "spec."), l.lost[0].Summary, l.lost[0].Detail, what),
		})
	}
	return findings
}

// Needed returns the subsets that an update of a destination rule removes although virtual services still route to them, with findings.
func Needed(r Reader, before, after *networking.DestinationRule) (subsets []string, findings []engine.Finding) {
	if !removes(before, after) {
		return nil, nil
	}
	for _, l := range losers(r, before, after) {
		var routes, its []string
		for _, d := range destinations(&l.vs.Spec) {
			if slices.ContainsFunc(l.lost, func(f engine.Finding) bool { return f.Field == d.field+".subset" }) {
				routes, its = append(routes, strings.TrimPrefix(d.field, "spec.")), append(its, d.GetSubset())
			}
		}
		if its == nil {
			continue
		}
		us, it := quoted("DestinationRule", nameOf(after)), quoted("VirtualService", nameOf(l.vs))
		findings = append(findings, engine.Finding{
			Field:   "spec.subsets",
			Summary: fmt.Sprintf("%s of %s stays as long as %s routes to it", list(unique(its)), us, it),
			Detail: fmt.Sprintf("Without the subset, requests that %s sends there would fail with 503: see its %s. If this apply changes that, it removes the "+
				"subset afterwards. Otherwise the next plan shows the removal.", it, strings.Join(routes, ", ")),
		})
		subsets = append(subsets, its...)
	}
	return unique(subsets), findings
}

// loser is a virtual service that a change makes worse.
type loser struct {
	vs   *networking.VirtualService
	lost []engine.Finding // not empty
}

func losers(r Reader, before, after metav1.Object) (all []loser) {
	namespaces := []string{before.GetNamespace()}
	if dr, ok := before.(*networking.DestinationRule); ok {
		namespaces = questionOfRule(r, dr).namespaces
	}
	for _, vs := range of(namespaces, r.VirtualServices, keysOfUsers(before)...) {
		if !uses(vs, before) {
			continue
		}
		was := VirtualService(with{r, before, before}, vs)
		lost := slices.DeleteFunc(VirtualService(with{r, before, after}, vs), func(f engine.Finding) bool {
			return slices.ContainsFunc(was, func(known engine.Finding) bool { return subject(known) == subject(f) })
		})
		if len(lost) > 0 {
			all = append(all, loser{vs, lost})
		}
	}
	return all
}

// uses reports whether a virtual service refers to the object or to one of its hosts.
func uses(vs *networking.VirtualService, o metav1.Object) bool {
	to := func(hosts ...host.Name) bool {
		return slices.ContainsFunc(destinations(&vs.Spec), func(d destination) bool {
			return slices.ContainsFunc(hosts, mesh.Host(d.GetHost(), vs.Namespace).SubsetOf)
		})
	}
	switch o := o.(type) {
	case *networking.Gateway:
		for _, name := range gatewayReferences(resolved(vs)) {
			if name == nameOf(o).String() {
				return true
			}
		}
		return false
	case *networking.DestinationRule:
		return len(o.Spec.Subsets) > 0 && to(mesh.Host(o.Spec.Host, o.Namespace))
	case *networking.ServiceEntry:
		return to(host.NewNames(o.Spec.Hosts)...)
	case *corev1.Service:
		return to(mesh.Host(o.Name, o.Namespace))
	}
	return false
}

// removes reports whether a subset is removed.
func removes(before, after *networking.DestinationRule) bool {
	return slices.ContainsFunc(before.Spec.Subsets, func(s *v1alpha3.Subset) bool {
		return !slices.ContainsFunc(after.Spec.Subsets, func(o *v1alpha3.Subset) bool { return o.GetName() == s.GetName() })
	})
}

// with is a cluster in which one object is changed or deleted.
type with struct {
	Reader
	before, after metav1.Object
}

// Derived returns false, because derived results are those of the unchanged cluster.
func (with) Derived(any, func() any) (any, bool) { return nil, false }

func (w with) Gateways(namespace string, keys ...string) ([]*networking.Gateway, bool) {
	return swapped(w, namespace, w.Reader.Gateways, keys)
}

func (w with) DestinationRules(namespace string, keys ...string) ([]*networking.DestinationRule, bool) {
	return swapped(w, namespace, w.Reader.DestinationRules, keys)
}

func (w with) ServiceEntries(namespace string, keys ...string) ([]*networking.ServiceEntry, bool) {
	return swapped(w, namespace, w.Reader.ServiceEntries, keys)
}

func (w with) Services(namespace string, keys ...string) ([]*corev1.Service, bool) {
	return swapped(w, namespace, w.Reader.Services, keys)
}

func swapped[T metav1.Object](w with, namespace string, read func(string, ...string) ([]T, bool), keys []string) ([]T, bool) {
	all, known := read(namespace, keys...)
	if _, ours := w.before.(T); !ours || namespace != "" && namespace != w.before.GetNamespace() {
		return all, known
	}
	all = slices.DeleteFunc(slices.Clone(all), func(o T) bool { return nameOf(o) == nameOf(w.before) })
	if after, ok := w.after.(T); ok {
		all = append(all, after)
	}
	return all, known
}
