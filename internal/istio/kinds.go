// Package istio holds the kinds: what is particular to each of the objects that this provider manages.
package istio

import (
	"context"

	"google.golang.org/protobuf/reflect/protoreflect"
	"istio.io/api/networking/v1alpha3"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/magneticio/terraform-provider-lamia/internal/admission"
	"github.com/magneticio/terraform-provider-lamia/internal/analysis"
	"github.com/magneticio/terraform-provider-lamia/internal/describe"
	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/kube"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// Kinds are the kinds of objects that are resources.
func Kinds() []*engine.Kind {
	return []*engine.Kind{Gateway(), VirtualService(), DestinationRule(), ServiceEntry(), Service()}
}

// VirtualService is networking.istio.io/v1 VirtualService.
func VirtualService() *engine.Kind {
	k := kind("virtual_service", "VirtualService", "virtualservices", (*v1alpha3.VirtualService)(nil), admission.VirtualService())
	k.Related = related(analysis.VirtualService)
	return k
}

// DestinationRule is networking.istio.io/v1 DestinationRule.
func DestinationRule() *engine.Kind {
	k := kind("destination_rule", "DestinationRule", "destinationrules", (*v1alpha3.DestinationRule)(nil), admission.DestinationRule())
	k.Related = related(analysis.DestinationRule)
	// convert makes both objects of their Go type; false, if they have none, which others say.
	convert := func(before, after *unstructured.Unstructured) (was, is *networking.DestinationRule, ok bool) {
		was, err := analysis.Convert[networking.DestinationRule](before)
		if err != nil {
			return nil, nil, false
		}
		is, err = analysis.Convert[networking.DestinationRule](after)
		return was, is, err == nil
	}
	k.Relied = func(ctx context.Context, cluster *kube.Cluster, before, after *unstructured.Unstructured) []engine.Finding {
		was, is, ok := convert(before, after)
		if !ok || was.Spec.Host == is.Spec.Host { // else what is needed is kept
			return nil
		}
		return analysis.Removal(analysis.Cluster{Context: ctx, Cluster: cluster}, was, is)
	}
	k.Keeps = &engine.Keeps{Attribute: "subsets", Needed: func(ctx context.Context, cluster *kube.Cluster, before, after *unstructured.Unstructured) ([]string, []engine.Finding) {
		was, is, ok := convert(before, after)
		if !ok || was.Spec.Host != is.Spec.Host {
			return nil, nil
		}
		return analysis.Needed(analysis.Cluster{Context: ctx, Cluster: cluster}, was, is)
	}}
	return k
}

// ServiceEntry is networking.istio.io/v1 ServiceEntry.
func ServiceEntry() *engine.Kind {
	return kind("service_entry", "ServiceEntry", "serviceentries", (*v1alpha3.ServiceEntry)(nil), admission.ServiceEntry())
}

// related asks what follows for an object from others.
func related[T any](analyze func(analysis.Reader, *T) []engine.Finding) func(context.Context, *kube.Cluster, *unstructured.Unstructured) []engine.Finding {
	return func(ctx context.Context, cluster *kube.Cluster, stored *unstructured.Unstructured) []engine.Finding {
		converted, err := analysis.Convert[T](stored)
		if err != nil {
			return nil
		}
		return analyze(analysis.Cluster{Context: ctx, Cluster: cluster}, converted)
	}
}

// kind is one of Istio's, whose spec is a protobuf message.
func kind(resourceType, kind, resource string, message interface{ ProtoReflect() protoreflect.Message }, judges *admission.Judges) *engine.Kind {
	descriptor := message.ProtoReflect().Descriptor()
	return &engine.Kind{
		Type:        resourceType,
		Description: describe.Of(descriptor.FullName()).Description,
		Resource:    networking.SchemeGroupVersion.WithResource(resource),
		Kind:        kind,
		Spec:        spec.FromDescriptor(descriptor),
		ValidName:   validation.IsDNS1123Subdomain,
		Admission:   judges,
	}
}
