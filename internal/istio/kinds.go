// Package istio holds the kinds: what is particular to each of the objects that this provider manages.
package istio

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"google.golang.org/protobuf/reflect/protoreflect"
	"istio.io/api/networking/v1alpha3"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/magneticio/terraform-provider-lamia/internal/admission"
	"github.com/magneticio/terraform-provider-lamia/internal/analysis"
	"github.com/magneticio/terraform-provider-lamia/internal/describe"
	"github.com/magneticio/terraform-provider-lamia/internal/kube"
	"github.com/magneticio/terraform-provider-lamia/internal/object"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// Kinds are the kinds of objects that are resources.
func Kinds() []*object.Kind {
	return []*object.Kind{Gateway(), VirtualService(), DestinationRule(), ServiceEntry(), Service()}
}

// Resources are the resources of all kinds.
func Resources() (resources []func() resource.Resource) {
	for _, k := range Kinds() {
		resources = append(resources, object.New(k))
	}
	return resources
}

// VirtualService is networking.istio.io/v1 VirtualService.
func VirtualService() *object.Kind {
	k := kind("virtual_service", "VirtualService", "virtualservices", (*v1alpha3.VirtualService)(nil), admission.VirtualService())
	k.Related = related(analysis.VirtualService)
	return k
}

// DestinationRule is networking.istio.io/v1 DestinationRule.
func DestinationRule() *object.Kind {
	k := kind("destination_rule", "DestinationRule", "destinationrules", (*v1alpha3.DestinationRule)(nil), admission.DestinationRule())
	k.Related = related(analysis.DestinationRule)
	k.Relied = func(ctx context.Context, cluster *kube.Cluster, since time.Time, before, after *unstructured.Unstructured) []object.Finding {
		was, err := analysis.Convert[networking.DestinationRule](before)
		if err != nil {
			return nil
		}
		is, err := analysis.Convert[networking.DestinationRule](after)
		if err != nil {
			return nil
		}
		return analysis.Removal(analysis.Cluster{Context: ctx, Cluster: cluster, Since: since}, was, is)
	}
	return k
}

// ServiceEntry is networking.istio.io/v1 ServiceEntry.
func ServiceEntry() *object.Kind {
	return kind("service_entry", "ServiceEntry", "serviceentries", (*v1alpha3.ServiceEntry)(nil), admission.ServiceEntry())
}

// related asks what follows for an object from others.
func related[T any](analyze func(analysis.Reader, *T) []object.Finding) func(context.Context, *kube.Cluster, time.Time, *unstructured.Unstructured) []object.Finding {
	return func(ctx context.Context, cluster *kube.Cluster, since time.Time, stored *unstructured.Unstructured) []object.Finding {
		converted, err := analysis.Convert[T](stored)
		if err != nil {
			return nil
		}
		return analyze(analysis.Cluster{Context: ctx, Cluster: cluster, Since: since}, converted)
	}
}

// kind is one of Istio's, whose spec is a protobuf message.
func kind(resourceType, kind, resource string, message interface{ ProtoReflect() protoreflect.Message }, judges *admission.Judges) *object.Kind {
	descriptor := message.ProtoReflect().Descriptor()
	return &object.Kind{
		Type:        resourceType,
		Description: describe.Of(descriptor.FullName()).Description,
		Resource:    networking.SchemeGroupVersion.WithResource(resource),
		Kind:        kind,
		Spec:        spec.FromDescriptor(descriptor),
		ValidName:   validation.IsDNS1123Subdomain,
		Admission:   judges,
	}
}
