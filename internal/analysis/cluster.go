package analysis

import (
	"context"
	"encoding/json"

	networking "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/magneticio/terraform-provider-lamia/internal/kube"
	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

// Cluster reads a cluster to answer one question.
type Cluster struct {
	Context context.Context
	Cluster *kube.Cluster
}

var _ Reader = Cluster{}

var (
	Gateways         = whole[networking.Gateway](networking.SchemeGroupVersion.WithResource("gateways"))
	VirtualServices  = whole[networking.VirtualService](networking.SchemeGroupVersion.WithResource("virtualservices"))
	DestinationRules = whole[networking.DestinationRule](networking.SchemeGroupVersion.WithResource("destinationrules"))
	serviceEntries   = whole[networking.ServiceEntry](networking.SchemeGroupVersion.WithResource("serviceentries"))
	sidecars         = whole[networking.Sidecar](networking.SchemeGroupVersion.WithResource("sidecars"))
	services         = whole[corev1.Service](corev1.SchemeGroupVersion.WithResource("services"))
	podLabels        = kube.Listing[labels.Set]{
		Resource:     corev1.SchemeGroupVersion.WithResource("pods"),
		MetadataOnly: true,
		Convert: func(raw []byte) (labels.Set, error) {
			var pod metav1.PartialObjectMetadata
			err := json.Unmarshal(raw, &pod)
			return pod.Labels, err
		},
	}
)

func whole[T any](resource schema.GroupVersionResource) kube.Listing[*T] {
	return kube.Listing[*T]{Resource: resource, Convert: func(raw []byte) (*T, error) {
		converted := new(T)
		return converted, json.Unmarshal(raw, converted)
	}}
}

// Convert makes an object of Kubernetes' JSON one of its Go type.
func Convert[T any](o runtime.Object) (*T, error) {
	converted := new(T)
	return converted, runtime.DefaultUnstructuredConverter.FromUnstructured(o.(runtime.Unstructured).UnstructuredContent(), converted)
}

func (c Cluster) Gateways(namespace string) ([]*networking.Gateway, bool) {
	return Gateways.In(c.Context, c.Cluster, namespace)
}

func (c Cluster) VirtualServices(namespace string) ([]*networking.VirtualService, bool) {
	return VirtualServices.In(c.Context, c.Cluster, namespace)
}

func (c Cluster) DestinationRules(namespace string) ([]*networking.DestinationRule, bool) {
	return DestinationRules.In(c.Context, c.Cluster, namespace)
}

func (c Cluster) ServiceEntries(namespace string) ([]*networking.ServiceEntry, bool) {
	return serviceEntries.In(c.Context, c.Cluster, namespace)
}

func (c Cluster) Sidecars(namespace string) ([]*networking.Sidecar, bool) {
	return sidecars.In(c.Context, c.Cluster, namespace)
}

func (c Cluster) Services(namespace string) ([]*corev1.Service, bool) {
	return services.In(c.Context, c.Cluster, namespace)
}

func (c Cluster) Pods(namespace string) ([]labels.Set, bool) {
	return podLabels.In(c.Context, c.Cluster, namespace)
}

func (c Cluster) Settings() mesh.Settings {
	return mesh.Settings{RootNamespace: c.Cluster.RootNamespace, ExportTo: c.Cluster.DefaultExportTo}
}

func (c Cluster) Derived(key any, make func() any) (any, bool) {
	return c.Cluster.Derived(key, make)
}
