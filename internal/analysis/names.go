package analysis

import (
	"net/netip"
	"slices"
	"strings"

	"istio.io/api/networking/v1alpha3"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pkg/config/constants"
	"istio.io/istio/pkg/config/host"
	"istio.io/istio/pkg/config/visibility"
	"k8s.io/apimachinery/pkg/types"
)

// mesh is the gateway that means the sidecars.
const mesh = constants.IstioMeshGateway

// resolve is what a host means in an object of the namespace: a name without dots is a Service of that namespace (ResolveShortnameToFQDN in
// pilot/pkg/model/config.go). Whatever the cluster's own domain is, it becomes the usual one.
func resolve(hostname, namespace string) host.Name {
	_, err := netip.ParseAddr(hostname)
	if hostname != "" && hostname != "*" && !strings.Contains(hostname, ".") && err != nil {
		hostname += "." + namespace + ".svc." + constants.DefaultClusterLocalDomain
	}
	if labels := strings.SplitN(hostname, ".", 4); len(labels) == 4 && labels[2] == "svc" {
		hostname = strings.Join(labels[:3], ".") + "." + constants.DefaultClusterLocalDomain
	}
	return host.Name(hostname)
}

// service is the Service whose host this is; false, if it is none's.
func service(h host.Name) (types.NamespacedName, bool) {
	labels := strings.SplitN(string(h), ".", 4)
	if len(labels) < 4 || labels[2] != "svc" || h.IsWildCarded() {
		return types.NamespacedName{}, false
	}
	return types.NamespacedName{Namespace: labels[1], Name: labels[0]}, true
}

// gatewayName is the Gateway that a virtual service of the namespace calls so, unless that is mesh (resolveGatewayName in
// pilot/pkg/model/config.go).
func gatewayName(gateway, namespace string) types.NamespacedName {
	if in, name, ok := strings.Cut(gateway, "/"); ok {
		if in == "." {
			in = namespace
		}
		return types.NamespacedName{Namespace: in, Name: name}
	}
	if name, domain, ok := strings.Cut(gateway, "."); ok {
		in, _, _ := strings.Cut(domain, ".")
		return types.NamespacedName{Namespace: in, Name: name}
	}
	return types.NamespacedName{Namespace: namespace, Name: gateway}
}

// gatewaysOf are the gateways of a virtual service. By default that is the mesh.
func gatewaysOf(vs *networking.VirtualService) []string {
	if len(vs.Spec.Gateways) == 0 {
		return []string{mesh}
	}
	return vs.Spec.Gateways
}

// serverHosts are the hosts of a server that are for virtual services of the namespace (sanitizeServerHostNamespace in
// pilot/pkg/model/gateway.go, buildGatewayHTTPRouteConfig in pilot/pkg/networking/core/gateway.go).
func serverHosts(gateway *networking.Gateway, server *v1alpha3.Server, namespace string) host.Names {
	hosts := make([]string, len(server.GetHosts()))
	for i, h := range server.GetHosts() {
		if rest, ok := strings.CutPrefix(h, "./"); ok {
			h = gateway.Namespace + "/" + rest
		}
		hosts[i] = h
	}
	return host.NamesForNamespace(hosts, namespace)
}

// exports are the namespaces that an object is visible in.
type exports struct {
	everywhere bool
	namespaces []string // sorted, if not everywhere
}

// exported is what exportTo of an object in the namespace says (initVirtualServices in pilot/pkg/model/push_context.go). Without it the mesh's
// configuration counts, whose own default is everywhere.
func exported(to []string, namespace string) exports {
	switch {
	case len(to) == 0 || slices.Contains(to, string(visibility.Public)):
		return exports{everywhere: true}
	case slices.Contains(to, string(visibility.None)):
		return exports{}
	}
	var e exports
	for _, n := range to {
		if n == string(visibility.Private) {
			n = namespace
		}
		e.namespaces = append(e.namespaces, n)
	}
	slices.Sort(e.namespaces)
	e.namespaces = slices.Compact(e.namespaces)
	return e
}

func (e exports) include(namespace string) bool {
	return e.everywhere || slices.Contains(e.namespaces, namespace)
}

// viewers are the namespaces that see both.
func (e exports) viewers(other exports) exports {
	if e.everywhere {
		return other
	}
	both := exports{}
	for _, n := range e.namespaces {
		if other.include(n) {
			both.namespaces = append(both.namespaces, n)
		}
	}
	return both
}

func (e exports) none() bool { return !e.everywhere && len(e.namespaces) == 0 }
