package analysis

import (
	"slices"
	"strings"

	"istio.io/api/networking/v1alpha3"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/constants"
	"istio.io/istio/pkg/config/host"
	"istio.io/istio/pkg/config/visibility"
	"k8s.io/apimachinery/pkg/types"

	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

// everySidecar is the name in gateways that stands for the sidecars.
const everySidecar = constants.IstioMeshGateway

// service returns the Service with this host. It returns false if the host is not that of a Service.
func service(h host.Name) (types.NamespacedName, bool) {
	labels := strings.SplitN(string(h), ".", 4)
	if len(labels) < 4 || labels[2] != "svc" || h.IsWildCarded() {
		return types.NamespacedName{}, false
	}
	return types.NamespacedName{Namespace: labels[1], Name: labels[0]}, true
}

// resolved returns the spec of a virtual service with the full names of hosts and gateways, as Istio sees it.
func resolved(vs *networking.VirtualService) *v1alpha3.VirtualService {
	c := config.Config{Meta: config.Meta{Name: vs.Name, Namespace: vs.Namespace, Domain: mesh.Domain}, Spec: vs.Spec.DeepCopy()}
	spec := model.ResolveVirtualServiceShortnames(c).Spec.(*v1alpha3.VirtualService)
	for i, h := range spec.Hosts {
		spec.Hosts[i] = string(mesh.Host(h, vs.Namespace))
	}
	return spec
}

// nameIn returns a name of the form <namespace>/<name>.
func nameIn(name string) types.NamespacedName {
	namespace, name, _ := strings.Cut(name, "/")
	return types.NamespacedName{Namespace: namespace, Name: name}
}

// gatewaysOf returns the gateways of a virtual service. The default is the mesh.
func gatewaysOf(vs *v1alpha3.VirtualService) []string {
	if len(vs.Gateways) == 0 {
		return []string{everySidecar}
	}
	return vs.Gateways
}

func delegateName(d *v1alpha3.Delegate, namespace string) types.NamespacedName {
	if d.GetNamespace() != "" {
		namespace = d.GetNamespace()
	}
	return types.NamespacedName{Namespace: namespace, Name: d.GetName()}
}

// exports are the namespaces in which an object is visible.
type exports struct {
	everywhere bool
	namespaces []string
}

// exported resolves exportTo of an object in the namespace. The mesh's setting replaces an empty exportTo. Its default is all namespaces.
func exported(r Reader, to []string, namespace string) exports {
	if len(to) == 0 {
		to = r.Settings().ExportTo
	}
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
	return e
}

func (e exports) include(namespace string) bool {
	return e.everywhere || slices.Contains(e.namespaces, namespace)
}

// near returns the known namespaces whose proxies see the object: its own or, if that one does not see it, those that exportTo names.
func (e exports) near(namespace string) []string {
	if e.include(namespace) {
		return []string{namespace}
	}
	return e.namespaces
}

// destination is a destination of a virtual service, with its field.
type destination struct {
	field string
	*v1alpha3.Destination
}

func destinations(vs *v1alpha3.VirtualService) (all []destination) {
	add := func(field string, d *v1alpha3.Destination) {
		if d.GetHost() != "" {
			all = append(all, destination{field, d})
		}
	}
	for i, r := range vs.GetHttp() {
		for j, d := range r.GetRoute() {
			add(at("spec.http[%d].route[%d].destination", i, j), d.GetDestination())
		}
		add(at("spec.http[%d].mirror", i), r.GetMirror())
		for j, m := range r.GetMirrors() {
			add(at("spec.http[%d].mirrors[%d].destination", i, j), m.GetDestination())
		}
	}
	for i, r := range vs.GetTls() {
		for j, d := range r.GetRoute() {
			add(at("spec.tls[%d].route[%d].destination", i, j), d.GetDestination())
		}
	}
	for i, r := range vs.GetTcp() {
		for j, d := range r.GetRoute() {
			add(at("spec.tcp[%d].route[%d].destination", i, j), d.GetDestination())
		}
	}
	return all
}
