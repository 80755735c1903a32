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
	Gateways         = whole[networking.Gateway](networking.SchemeGroupVersion.WithResource("gateways"), nil)
	VirtualServices  = whole(networking.SchemeGroupVersion.WithResource("virtualservices"), keysOf)
	DestinationRules = whole(networking.SchemeGroupVersion.WithResource("destinationrules"), keysOfRule)
	ServiceEntries   = whole(networking.SchemeGroupVersion.WithResource("serviceentries"), keysOfEntry)
	sidecars         = whole[networking.Sidecar](networking.SchemeGroupVersion.WithResource("sidecars"), nil)
	services         = whole[corev1.Service](corev1.SchemeGroupVersion.WithResource("services"), nil)
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

func whole[T any](resource schema.GroupVersionResource, keys func(*T) []string) kube.Listing[*T] {
	return kube.Listing[*T]{Resource: resource, Keys: keys, Convert: func(raw []byte) (*T, error) {
		converted := new(T)
		return converted, json.Unmarshal(raw, converted)
	}}
}

// Convert decodes an object of Kubernetes' JSON as its Go type.
func Convert[T any](o runtime.Object) (*T, error) {
	converted := new(T)
	return converted, runtime.DefaultUnstructuredConverter.FromUnstructured(o.(runtime.Unstructured).UnstructuredContent(), converted)
}

func (c Cluster) Gateways(namespace string, keys ...string) ([]*networking.Gateway, bool) {
	return Gateways.In(c.Context, c.Cluster, namespace, keys...)
}

func (c Cluster) VirtualServices(namespace string, keys ...string) ([]*networking.VirtualService, bool) {
	return VirtualServices.In(c.Context, c.Cluster, namespace, keys...)
}

func (c Cluster) DestinationRules(namespace string, keys ...string) ([]*networking.DestinationRule, bool) {
	return DestinationRules.In(c.Context, c.Cluster, namespace, keys...)
}

func (c Cluster) ServiceEntries(namespace string, keys ...string) ([]*networking.ServiceEntry, bool) {
	return ServiceEntries.In(c.Context, c.Cluster, namespace, keys...)
}

func (c Cluster) Sidecars(namespace string, keys ...string) ([]*networking.Sidecar, bool) {
	return sidecars.In(c.Context, c.Cluster, namespace, keys...)
}

func (c Cluster) Services(namespace string, keys ...string) ([]*corev1.Service, bool) {
	return services.In(c.Context, c.Cluster, namespace, keys...)
}

func (c Cluster) Pods(namespace string, keys ...string) ([]labels.Set, bool) {
	return podLabels.In(c.Context, c.Cluster, namespace, keys...)
}

func (c Cluster) Settings() mesh.Settings {
	return mesh.Settings{RootNamespace: c.Cluster.RootNamespace, ExportTo: c.Cluster.DefaultExportTo}
}

func (c Cluster) Derived(key any, make func() any) (any, bool) {
	return c.Cluster.Derived(key, make)
}
