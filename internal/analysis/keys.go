package analysis

import (
	"slices"

	networking "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pkg/config/host"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

// Keys of objects, in addition to their hosts. A lookup by keys returns at least all matching objects.
const (
	isWild         = "*" // one of the object's hosts is a wildcard
	isDelegate     = "delegate"
	forConnections = "connections"
	toHost         = "to " // a destination of the object
	toDelegate     = "delegates to "
	onGateway      = "on "
)

func hostKeys(hosts ...host.Name) (keys []string) {
	for _, h := range hosts {
		if keys = append(keys, string(h)); h.IsWildCarded() {
			keys = append(keys, isWild)
		}
	}
	return unique(keys)
}

// keys returns the keys of all objects that can match, or none if every object must be checked.
func (n *names) keys() []string {
	if len(n.wild) > 0 {
		return nil
	}
	keys := []string{isWild}
	for h := range n.exact {
		keys = append(keys, string(h))
	}
	return keys
}

func keysOf(vs *networking.VirtualService) []string {
	keys := hostKeys(hostsOf(vs)...)
	if len(vs.Spec.Hosts) == 0 {
		keys = append(keys, isDelegate)
	}
	if len(vs.Spec.Tcp)+len(vs.Spec.Tls) > 0 {
		keys = append(keys, forConnections)
	}
	for d := range mesh.Destinations(&vs.Spec) {
		keys = append(keys, toHost+string(mesh.Host(d.GetHost(), vs.Namespace)))
	}
	for _, rule := range vs.Spec.Http {
		if rule.Delegate != nil {
			keys = append(keys, toDelegate+delegateName(rule.Delegate, vs.Namespace).String())
		}
	}
	for _, name := range gatewayReferences(resolved(vs)) {
		keys = append(keys, onGateway+name)
	}
	return unique(keys)
}

func keysOfRule(dr *networking.DestinationRule) []string {
	return hostKeys(mesh.Host(dr.Spec.Host, dr.Namespace))
}

func keysOfEntry(e *networking.ServiceEntry) []string {
	return hostKeys(host.NewNames(e.Spec.Hosts)...)
}

// keysOfUsers returns the keys of virtual services that may use the object, or none if every virtual service must be checked.
func keysOfUsers(o metav1.Object) (keys []string) {
	var hosts host.Names
	switch o := o.(type) {
	case *networking.Gateway:
		return []string{onGateway + nameOf(o).String()}
	case *networking.DestinationRule:
		hosts = host.Names{mesh.Host(o.Spec.Host, o.Namespace)}
	case *networking.ServiceEntry:
		hosts = host.NewNames(o.Spec.Hosts)
	case *corev1.Service:
		hosts = host.Names{mesh.Host(o.Name, o.Namespace)}
	}
	if slices.ContainsFunc(hosts, host.Name.IsWildCarded) {
		return nil
	}
	for _, h := range hosts {
		keys = append(keys, toHost+string(h))
	}
	return keys
}
