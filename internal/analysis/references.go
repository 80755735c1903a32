package analysis

import (
	"fmt"
	"iter"
	"slices"

	"istio.io/api/networking/v1alpha3"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
)

// missingGateways finds references to gateways that do not exist.
func (p *part) missingGateways(vs *networking.VirtualService, spec *v1alpha3.VirtualService) (findings []engine.Finding) {
	said := map[string]bool{everySidecar: true}
	for field, name := range gatewayReferences(spec) {
		if gateway, known := p.gateway(name); said[name] || !known || gateway != nil {
			continue
		}
		said[name] = true
		us, it := quoted("VirtualService", nameOf(vs)), quoted("Gateway", nameIn(name))
		findings = append(findings, engine.Finding{
			Field:   field,
			Summary: fmt.Sprintf("%s names %s, which does not exist", us, it),
			Detail: fmt.Sprintf("The cluster has no %s yet, and without it %s has no effect there. Create the Gateway, or correct the name: <namespace>/<name>, "+
				"or only the name for a Gateway in namespace %q.", it, us, vs.Namespace),
		})
	}
	return findings
}

// gatewayReferences returns the names of gateways, by field.
func gatewayReferences(vs *v1alpha3.VirtualService) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		each := func(prefix string, names []string) bool {
			for i, name := range names {
				if !yield(fmt.Sprintf("%s.gateways[%d]", prefix, i), name) {
					return false
				}
			}
			return true
		}
		if !each("spec", vs.GetGateways()) {
			return
		}
		for i, r := range vs.GetHttp() {
			for j, m := range r.GetMatch() {
				if !each(at("spec.http[%d].match[%d]", i, j), m.GetGateways()) {
					return
				}
			}
		}
		for i, r := range vs.GetTls() {
			for j, m := range r.GetMatch() {
				if !each(at("spec.tls[%d].match[%d]", i, j), m.GetGateways()) {
					return
				}
			}
		}
		for i, r := range vs.GetTcp() {
			for j, m := range r.GetMatch() {
				if !each(at("spec.tcp[%d].match[%d]", i, j), m.GetGateways()) {
					return
				}
			}
		}
	}
}

// lostDelegates finds delegates that do not exist, or that Istio ignores (mergeVirtualServices in pilot/pkg/model/virtualservice_controller.go).
func (p *part) lostDelegates(vs *networking.VirtualService) (findings []engine.Finding) {
	for i, route := range vs.Spec.Http {
		if route.GetDelegate() == nil {
			continue
		}
		name := delegateName(route.GetDelegate(), vs.Namespace)
		all, known := within(name.Namespace, p.VirtualServices)
		if !known {
			continue
		}
		us, it := quoted("VirtualService", nameOf(vs)), quoted("VirtualService", name)
		var what, detail string
		switch delegate := find(all, name); {
		case delegate == nil:
			what, detail = "which does not exist", fmt.Sprintf("The cluster has no %s yet. Create it without hosts, or correct the name.", it)
		case len(delegate.Spec.Hosts) > 0:
			what, detail = "which has its own hosts", fmt.Sprintf("A delegate must have no hosts. Remove them from %s, or delegate to another VirtualService.", it)
		case !exported(p, delegate.Spec.ExportTo, delegate.Namespace).include(vs.Namespace):
			what, detail = "which is not exported to its namespace", fmt.Sprintf("%s is not exported to namespace %q. Add the namespace to its export_to, "+
				"or delegate to another VirtualService.", it, vs.Namespace)
		default:
			continue
		}
		findings = append(findings, engine.Finding{
			Field:   at("spec.http[%d].delegate", i),
			Summary: fmt.Sprintf("%s delegates to %s, %s", us, it, what),
			Detail:  "Istio ignores this route. " + detail,
		})
	}
	return findings
}

// roots returns the known virtual services that delegate to the one with this name.
func roots(r Reader, name types.NamespacedName) (all []*networking.VirtualService) {
	for _, root := range of([]string{name.Namespace}, r.VirtualServices, toDelegate+name.String()) {
		if len(root.Spec.Hosts) > 0 && slices.ContainsFunc(root.Spec.Http, func(r *v1alpha3.HTTPRoute) bool {
			return r.GetDelegate() != nil && delegateName(r.GetDelegate(), root.Namespace) == name
		}) {
			all = append(all, root)
		}
	}
	return all
}
