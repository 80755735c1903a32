package analysis

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"istio.io/api/networking/v1alpha3"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pkg/config/gateway/kube"
	"istio.io/istio/pkg/config/host"
	"k8s.io/apimachinery/pkg/types"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
)

// VirtualService says what of a stored virtual service has no effect, or another than it seems.
func VirtualService(r Reader, vs *networking.VirtualService) []engine.Finding {
	a := analyzer{r}
	return slices.Concat(a.gateways(vs), a.hosts(vs), a.delegates(vs), a.subsets(vs), a.conflicts(vs))
}

// gateway is the Gateway that a virtual service of the namespace calls so; nil, if there is none. Those that istiod makes for itself, of the
// Kubernetes Gateway API's, are unknown.
func (a analyzer) gateway(name, namespace string) (*networking.Gateway, bool) {
	if kube.IsInternalGatewayReference(name) {
		return nil, false
	}
	full := gatewayName(name, namespace)
	all, known := a.Gateways(full.Namespace)
	return find(all, full.Name), known
}

// gateways finds those that are named and not there.
func (a analyzer) gateways(vs *networking.VirtualService) (findings []engine.Finding) {
	said := map[types.NamespacedName]bool{}
	for field, name := range gatewayReferences(&vs.Spec) {
		full := gatewayName(name, vs.Namespace)
		if gateway, known := a.gateway(name, vs.Namespace); name == mesh || !known || gateway != nil || said[full] {
			continue
		}
		said[full] = true
		us, it := quoted("VirtualService", nameOf(vs)), quoted("Gateway", full)
		findings = append(findings, engine.Finding{
			Field:   field,
			Summary: fmt.Sprintf("%s names %s, which is not there", us, it),
			Detail: fmt.Sprintf("The cluster has no %s yet, and without it %s has no effect there. Make the Gateway, or correct the name: "+
				"<namespace>/<name>, or the name alone for a Gateway of namespace %q.", it, us, vs.Namespace),
		})
	}
	return findings
}

// gatewayReferences are the names of gateways, by field.
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
				if !each(fmt.Sprintf("spec.http[%d].match[%d]", i, j), m.GetGateways()) {
					return
				}
			}
		}
		for i, r := range vs.GetTls() {
			for j, m := range r.GetMatch() {
				if !each(fmt.Sprintf("spec.tls[%d].match[%d]", i, j), m.GetGateways()) {
					return
				}
			}
		}
		for i, r := range vs.GetTcp() {
			for j, m := range r.GetMatch() {
				if !each(fmt.Sprintf("spec.tcp[%d].match[%d]", i, j), m.GetGateways()) {
					return
				}
			}
		}
	}
}

// hosts finds those that no gateway serves. The mesh serves all.
func (a analyzer) hosts(vs *networking.VirtualService) (findings []engine.Finding) {
	var gateways []*networking.Gateway
	var served []string
	for _, name := range gatewaysOf(vs) {
		if name == mesh {
			return nil
		}
		gateway, known := a.gateway(name, vs.Namespace)
		if !known || gateway == nil {
			return nil
		}
		gateways = append(gateways, gateway)
		var hosts []string
		for _, server := range gateway.Spec.Servers {
			hosts = append(hosts, server.GetHosts()...)
		}
		served = append(served, fmt.Sprintf("%s serves %s", quoted("Gateway", nameOf(gateway)), list(hosts)))
	}
	for i, h := range vs.Spec.Hosts {
		if slices.ContainsFunc(gateways, func(g *networking.Gateway) bool { return serves(g, vs, resolve(h, vs.Namespace)) }) {
			continue
		}
		us := quoted("VirtualService", nameOf(vs))
		findings = append(findings, engine.Finding{
			Field:   fmt.Sprintf("spec.hosts[%d]", i),
			Summary: fmt.Sprintf("Host %q is not served by a gateway of %s", h, us),
			Detail: fmt.Sprintf("%s has rules for host %q, but of its gateways none serves that host to namespace %q: %s. "+
				"Add the host to a server of the gateway, or correct it.", us, h, vs.Namespace, strings.Join(served, "; ")),
		})
	}
	return findings
}

func serves(gateway *networking.Gateway, vs *networking.VirtualService, h host.Name) bool {
	for _, server := range gateway.Spec.Servers {
		if slices.ContainsFunc(serverHosts(gateway, server, vs.Namespace), h.Matches) {
			return true
		}
	}
	return false
}

// delegates finds those that are not there, or that do not take part (mergeVirtualServices in pilot/pkg/model/virtualservice_controller.go).
func (a analyzer) delegates(vs *networking.VirtualService) (findings []engine.Finding) {
	for i, route := range vs.Spec.Http {
		if route.GetDelegate() == nil {
			continue
		}
		name := delegateName(route.GetDelegate(), vs.Namespace)
		all, known := a.VirtualServices(name.Namespace)
		if !known {
			continue
		}
		us, it := quoted("VirtualService", nameOf(vs)), quoted("VirtualService", name)
		var what, detail string
		switch delegate := find(all, name.Name); {
		case delegate == nil:
			what, detail = "which is not there", fmt.Sprintf("The cluster has no %s yet. Make it, without hosts, or correct the name.", it)
		case len(delegate.Spec.Hosts) > 0:
			what, detail = "which is no delegate", fmt.Sprintf("%s has hosts of its own. Take them out, or delegate to another.", it)
		case !exported(delegate.Spec.ExportTo, delegate.Namespace).include(vs.Namespace):
			what, detail = "which does not let it", fmt.Sprintf("%s is not exported to namespace %q. Add that to its export_to, or delegate to another.", it, vs.Namespace)
		default:
			continue
		}
		findings = append(findings, engine.Finding{
			Field:   fmt.Sprintf("spec.http[%d].delegate", i),
			Summary: fmt.Sprintf("%s delegates to %s, %s", us, it, what),
			Detail:  "Istio passes over the route as long as that is so. " + detail,
		})
	}
	return findings
}

func delegateName(d *v1alpha3.Delegate, namespace string) types.NamespacedName {
	if d.GetNamespace() != "" {
		namespace = d.GetNamespace()
	}
	return types.NamespacedName{Namespace: namespace, Name: d.GetName()}
}
