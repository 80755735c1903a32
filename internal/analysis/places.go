package analysis

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"istio.io/api/networking/v1alpha3"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pkg/config/constants"
	"istio.io/istio/pkg/config/gateway/kube"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

// place is where the rules of a virtual service may apply: on a gateway, or in the mesh.
type place struct {
	where   string // such as "in the mesh"
	gateway *networking.Gateway
	proxies []mesh.Proxy
	// anywhere means that it is unknown where the proxies run. These proxies represent all possible ones, and a finding must be true for each of
	// them.
	anywhere bool
}

// elsewhere represents an unknown namespace. No namespace can have this name.
const elsewhere = "-"

// usual are the namespaces that Istio's documentation uses for shared gateways.
var usual = []string{constants.IstioSystemNamespace, "istio-ingress"}

// places returns the known places of a virtual service. It returns false if there may be more.
func (p *part) places(vs *networking.VirtualService, spec *v1alpha3.VirtualService) (all []place, complete bool) {
	complete = true
	for _, name := range gatewaysOf(spec) {
		if name == everySidecar {
			where, known := p.sidecars(vs)
			complete = complete && known
			if len(where.proxies) > 0 {
				all = append(all, where)
			}
			continue
		}
		gateway, _ := p.gateway(name)
		if gateway == nil {
			complete = false
			continue
		}
		all = append(all, p.on(gateway, vs))
	}
	return all, complete
}

// gateway returns the Gateway with the full name, or nil. Gateways that istiod creates internally from those of the Kubernetes Gateway API are
// unknown.
func (p *part) gateway(name string) (*networking.Gateway, bool) {
	if kube.IsInternalGatewayReference(name) {
		return nil, false
	}
	full := nameIn(name)
	_, known := within(full.Namespace, p.Gateways)
	return find(p.objects.Gateways, full), known
}

// on returns the proxies of a gateway: the pods that it selects in its own namespace, in those of the virtual service and its exportTo, and in
// the usual namespaces of shared gateways.
func (p *part) on(gateway *networking.Gateway, vs *networking.VirtualService) place {
	keys := p.keys()
	where := place{where: "on " + quoted("Gateway", nameOf(gateway)), gateway: gateway}
	selector := labels.SelectorFromSet(gateway.Spec.Selector)
	namespaces := append([]string{gateway.Namespace}, usual...)
	if vs != nil {
		namespaces = slices.Concat(namespaces, []string{vs.Namespace}, exported(p, vs.Spec.ExportTo, vs.Namespace).namespaces)
	}
	for i, in := range namespaces {
		if slices.Contains(namespaces[:i], in) {
			continue
		}
		pods, _ := p.Pods(in)
		for _, pod := range pods {
			if len(gateway.Spec.Selector) == 0 || !selector.Matches(pod) {
				continue
			}
			proxy := mesh.Proxy{Gateway: true, Namespace: in, Labels: maps.Clone(pod)}
			maps.DeleteFunc(proxy.Labels, func(key, _ string) bool { return !keys[key] })
			if !slices.ContainsFunc(where.proxies, func(o mesh.Proxy) bool { return o.Namespace == in && maps.Equal(o.Labels, proxy.Labels) }) {
				where.proxies = append(where.proxies, proxy)
			}
		}
	}
	if len(where.proxies) == 0 {
		where.anywhere = true
		where.proxies = p.possible(gateway)
	}
	return where
}

// possible returns the possible proxies of a gateway, in each namespace and with each set of labels that make a difference.
func (p *part) possible(gateway *networking.Gateway) (all []mesh.Proxy) {
	namespaces, sets := append([]string{elsewhere}, p.namespaces...), []map[string]string{gateway.Spec.Selector}
	among := slices.Clone(p.sources)
	for _, namespace := range slices.Sorted(maps.Keys(p.workloads)) {
		for _, workloads := range p.workloads[namespace] {
			among = append(among, source{labels: workloads})
		}
	}
	for _, s := range among {
		if s.namespace != "" && !slices.Contains(namespaces, s.namespace) {
			namespaces = append(namespaces, s.namespace)
		}
		if set := labels.Merge(s.labels, gateway.Spec.Selector); !slices.ContainsFunc(sets, func(o map[string]string) bool { return maps.Equal(o, set) }) {
			sets = append(sets, set)
		}
	}
	for _, in := range namespaces {
		for _, set := range sets {
			all = append(all, mesh.Proxy{Gateway: true, Namespace: in, Labels: set})
		}
	}
	return all
}

// keys returns the labels that distinguish proxies.
func (p *part) keys() map[string]bool {
	keys := map[string]bool{}
	add := func(labels map[string]string) {
		for key := range labels {
			keys[key] = true
		}
	}
	for _, g := range p.objects.Gateways {
		add(g.Spec.Selector)
	}
	for _, sets := range p.workloads {
		for _, set := range sets {
			add(set)
		}
	}
	for _, s := range p.sources {
		add(s.labels)
	}
	return keys
}

// source is a restriction of a rule to certain proxies.
type source struct {
	namespace string
	labels    map[string]string
}

func sources(spec *v1alpha3.VirtualService) (all []source) {
	add := func(namespace string, labels map[string]string) {
		if namespace != "" || len(labels) > 0 {
			all = append(all, source{namespace, labels})
		}
	}
	for _, r := range spec.GetHttp() {
		for _, m := range r.GetMatch() {
			add(m.GetSourceNamespace(), m.GetSourceLabels())
		}
	}
	for _, r := range spec.GetTls() {
		for _, m := range r.GetMatch() {
			add(m.GetSourceNamespace(), m.GetSourceLabels())
		}
	}
	for _, r := range spec.GetTcp() {
		for _, m := range r.GetMatch() {
			add(m.GetSourceNamespace(), m.GetSourceLabels())
		}
	}
	return all
}

// sidecars returns the sidecars that can differ: in each namespace that the virtual service involves and is visible in, one without labels, and
// one for each set of labels that some object refers to.
func (p *part) sidecars(vs *networking.VirtualService) (where place, complete bool) {
	where, complete = place{where: "in the mesh"}, true
	visible := exported(p, vs.Spec.ExportTo, vs.Namespace)
	namespaces := slices.Clone(visible.near(vs.Namespace))
	for _, s := range p.sources {
		namespaces = append(namespaces, s.namespace)
	}
	for _, h := range hostsOf(vs) {
		if s, ok := service(h); ok {
			namespaces = append(namespaces, s.Namespace)
		}
	}
	for i, namespace := range namespaces {
		if namespace == "" || !visible.include(namespace) || slices.Contains(namespaces[:i], namespace) {
			continue
		}
		if _, known := p.Sidecars(namespace); !known {
			complete = false
			continue
		}
		sets := []map[string]string{nil}
		for _, s := range p.sources {
			sets = append(sets, s.labels)
		}
		for _, s := range p.objects.Sidecars {
			if s.Namespace == namespace {
				sets = append(sets, s.Spec.GetWorkloadSelector().GetLabels())
			}
		}
		sets = append(sets, p.workloads[namespace]...)
		for i, set := range sets {
			if !slices.ContainsFunc(sets[:i], func(other map[string]string) bool { return maps.Equal(other, set) }) {
				where.proxies = append(where.proxies, mesh.Proxy{Namespace: namespace, Labels: set})
			}
		}
	}
	return where, complete
}

// view is a place with the configuration of one of its proxies.
type view struct {
	place
	mesh.Proxy
	*mesh.Config
}

// views returns the configurations of a place's proxies, as far as they are known.
func (p *part) views(where place) (all []view) {
	for _, proxy := range where.proxies {
		if c := p.config(proxy); c != nil {
			all = append(all, view{where, proxy, c})
		}
	}
	return all
}

// said returns the findings that hold in a place: for one of its proxies, or for all of them if it is unknown which of them exist.
func (p *part) said(where place, say func(view) []engine.Finding) (all []engine.Finding) {
	views := p.views(where)
	for i, v := range views {
		findings := say(v)
		switch {
		case !where.anywhere || i == 0:
			all = append(all, findings...)
		default:
			all = slices.DeleteFunc(all, func(f engine.Finding) bool {
				return !slices.ContainsFunc(findings, func(other engine.Finding) bool { return subject(f) == subject(other) })
			})
		}
	}
	if where.anywhere && len(views) < len(where.proxies) {
		return nil
	}
	return once(all)
}

// subject returns the subject of a finding. Proxies may lack different parts of the same destination.
func subject(f engine.Finding) string {
	for _, what := range []string{".host", ".port", ".subset"} {
		if destination, ok := strings.CutSuffix(f.Field, what); ok {
			return destination
		}
	}
	return f.Field + f.Summary
}

// seenFrom describes the proxies of a view.
func (v view) seenFrom() string {
	if v.anywhere {
		return "a proxy of the gateway in any namespace"
	}
	return fmt.Sprintf("a proxy in namespace %q", v.Namespace)
}
