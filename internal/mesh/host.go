package mesh

import (
	"iter"
	"strings"

	"istio.io/api/networking/v1alpha3"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/host"
)

// Host returns the full name of a host in an object of the namespace. A name without dots is a Service in that namespace. The cluster's own
// domain is replaced with the default one.
func Host(name, namespace string) host.Name {
	if labels := strings.SplitN(name, ".", 4); len(labels) == 4 && labels[2] == "svc" {
		return host.Name(strings.Join(labels[:3], ".") + "." + Domain)
	}
	return model.ResolveShortnameToFQDN(name, config.Meta{Namespace: namespace, Domain: Domain})
}

// Destinations returns all destinations of a virtual service.
func Destinations(vs *v1alpha3.VirtualService) iter.Seq[*v1alpha3.Destination] {
	return func(yield func(*v1alpha3.Destination) bool) {
		ok := true
		each := func(d *v1alpha3.Destination) {
			if ok && d != nil {
				ok = yield(d)
			}
		}
		for _, rule := range vs.GetHttp() {
			for _, r := range rule.GetRoute() {
				each(r.GetDestination())
			}
			each(rule.GetMirror())
			for _, m := range rule.GetMirrors() {
				each(m.GetDestination())
			}
		}
		for _, rule := range vs.GetTls() {
			for _, r := range rule.GetRoute() {
				each(r.GetDestination())
			}
		}
		for _, rule := range vs.GetTcp() {
			for _, r := range rule.GetRoute() {
				each(r.GetDestination())
			}
		}
	}
}
