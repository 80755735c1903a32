package analysis

import (
	networking "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

// Given is a cluster with exactly these objects. The pods that run in it are unknown.
type Given struct {
	objects mesh.Objects
	derived map[any]any
}

var _ Reader = Given{}

// NewGiven returns a cluster with these objects, which must not change.
func NewGiven(o mesh.Objects) Given { return Given{o, map[any]any{}} }

func (g Given) Gateways(namespace string, _ ...string) ([]*networking.Gateway, bool) {
	return in(namespace, g.objects.Gateways)
}

func (g Given) VirtualServices(namespace string, _ ...string) ([]*networking.VirtualService, bool) {
	return in(namespace, g.objects.VirtualServices)
}

func (g Given) ServiceEntries(namespace string, _ ...string) ([]*networking.ServiceEntry, bool) {
	return in(namespace, g.objects.ServiceEntries)
}

func (g Given) DestinationRules(namespace string, _ ...string) ([]*networking.DestinationRule, bool) {
	return in(namespace, g.objects.DestinationRules)
}

func (g Given) Sidecars(namespace string, _ ...string) ([]*networking.Sidecar, bool) {
	return in(namespace, g.objects.Sidecars)
}

func (g Given) Services(namespace string, _ ...string) ([]*corev1.Service, bool) {
	return in(namespace, g.objects.Services)
}

// Pods returns false, because the pods are unknown.
func (Given) Pods(string, ...string) ([]labels.Set, bool) { return nil, false }

func (g Given) Settings() mesh.Settings { return g.objects.Settings }

// Derived calls make once for each key.
func (g Given) Derived(key any, make func() any) (any, bool) {
	if _, made := g.derived[key]; !made {
		g.derived[key] = make()
	}
	return g.derived[key], true
}

func in[T metav1.Object](namespace string, all []T) (found []T, known bool) {
	for _, o := range all {
		if namespace == "" || o.GetNamespace() == namespace {
			found = append(found, o)
		}
	}
	return found, true
}
