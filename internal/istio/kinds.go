// Package istio defines the kinds of objects that this provider manages: what is specific to each.
package istio

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"
	extensions "istio.io/api/extensions/v1alpha1"
	"istio.io/api/networking/v1alpha3"
	"istio.io/api/networking/v1beta1"
	security "istio.io/api/security/v1beta1"
	telemetry "istio.io/api/telemetry/v1alpha1"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/schema/gvk"
	istio "istio.io/istio/pkg/config/validation"
	"istio.io/istio/pkg/config/validation/envoyfilter"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/magneticio/terraform-provider-lamia/internal/admission"
	"github.com/magneticio/terraform-provider-lamia/internal/analysis"
	"github.com/magneticio/terraform-provider-lamia/internal/describe"
	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/kube"
	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// Kinds returns the kinds of objects that are resources: all of Istio's, and Service.
func Kinds() []*engine.Kind {
	return []*engine.Kind{
		Gateway(), VirtualService(), DestinationRule(), ServiceEntry(), Service(),
		kind(gvk.Sidecar, (*v1alpha3.Sidecar)(nil), istio.ValidateSidecar),
		kind(gvk.WorkloadEntry, (*v1alpha3.WorkloadEntry)(nil), istio.ValidateWorkloadEntry),
		kind(gvk.WorkloadGroup, (*v1alpha3.WorkloadGroup)(nil), istio.ValidateWorkloadGroup),
		kind(gvk.EnvoyFilter, (*v1alpha3.EnvoyFilter)(nil), envoyfilter.ValidateEnvoyFilter),
		kind(gvk.ProxyConfig, (*v1beta1.ProxyConfig)(nil), istio.ValidateProxyConfig),
		kind(gvk.AuthorizationPolicy, (*security.AuthorizationPolicy)(nil), istio.ValidateAuthorizationPolicy),
		kind(gvk.PeerAuthentication, (*security.PeerAuthentication)(nil), istio.ValidatePeerAuthentication),
		kind(gvk.RequestAuthentication, (*security.RequestAuthentication)(nil), istio.ValidateRequestAuthentication, admission.Keys),
		kind(gvk.Telemetry, (*telemetry.Telemetry)(nil), istio.ValidateTelemetry),
		kind(gvk.WasmPlugin, (*extensions.WasmPlugin)(nil), istio.ValidateWasmPlugin),
		kind(gvk.TrafficExtension, (*extensions.TrafficExtension)(nil), istio.ValidateTrafficExtension),
	}
}

// VirtualService returns the kind networking.istio.io/v1 VirtualService.
func VirtualService() *engine.Kind {
	k := kind(gvk.VirtualService, (*v1alpha3.VirtualService)(nil), istio.ValidateVirtualService, admission.Rewrites)
	k.Related = related(analysis.VirtualServices, analysis.VirtualService)
	k.Uses.Takes = offers(func(vs *networking.VirtualService) (all []engine.Offer) {
		for d := range mesh.Destinations(&vs.Spec) {
			all = append(all, engine.Offer{Host: string(mesh.Host(d.GetHost(), vs.Namespace)), Part: d.GetSubset()})
		}
		return all
	})
	return k
}

// DestinationRule returns the kind networking.istio.io/v1 DestinationRule.
func DestinationRule() *engine.Kind {
	k := kind(gvk.DestinationRule, (*v1alpha3.DestinationRule)(nil), istio.ValidateDestinationRule)
	k.Related = related(analysis.DestinationRules, analysis.DestinationRule)
	k.Uses.Offers = offers(func(dr *networking.DestinationRule) (all []engine.Offer) {
		for _, s := range dr.Spec.Subsets {
			all = append(all, engine.Offer{Host: string(mesh.Host(dr.Spec.Host, dr.Namespace)), Part: s.GetName()})
		}
		return all
	})
	sameHost := func(before, after *unstructured.Unstructured) bool {
		was, _, _ := unstructured.NestedString(before.Object, "spec", "host")
		is, _, _ := unstructured.NestedString(after.Object, "spec", "host")
		return was == is
	}
	losses := losses[networking.DestinationRule](k.Kind)
	k.Relied = func(ctx context.Context, cluster *kube.Cluster, before, after *unstructured.Unstructured) []engine.Finding {
		if after != nil && sameHost(before, after) { // the rule keeps what others need
			return nil
		}
		return losses(ctx, cluster, before, after)
	}
	k.Keeps = &engine.Keeps{Attribute: "subsets", Needed: func(ctx context.Context, cluster *kube.Cluster, before, after *unstructured.Unstructured) ([]string, []engine.Finding) {
		was, err := analysis.Convert[networking.DestinationRule](before)
		if err != nil || !sameHost(before, after) {
			return nil, nil
		}
		is, err := analysis.Convert[networking.DestinationRule](after)
		if err != nil {
			return nil, nil
		}
		return analysis.Needed(analysis.Cluster{Context: ctx, Cluster: cluster}, was, is)
	}}
	return k
}

// ServiceEntry returns the kind networking.istio.io/v1 ServiceEntry.
func ServiceEntry() *engine.Kind {
	k := kind(gvk.ServiceEntry, (*v1alpha3.ServiceEntry)(nil), istio.ValidateServiceEntry)
	k.Uses.Offers = offers(func(e *networking.ServiceEntry) (all []engine.Offer) {
		for _, h := range e.Spec.Hosts {
			all = append(all, engine.Offer{Host: h})
		}
		return all
	})
	k.Relied = losses[networking.ServiceEntry](k.Kind)
	return k
}

// related adapts a function that finds consequences of other objects for an object.
func related[T any](
	list kube.Listing[*T], analyze func(analysis.Reader, *T) []engine.Finding,
) func(context.Context, *kube.Cluster, *unstructured.Unstructured) []engine.Finding {
	return func(ctx context.Context, cluster *kube.Cluster, stored *unstructured.Unstructured) []engine.Finding {
		converted, known := list.Known(cluster, stored)
		if !known {
			var err error
			if converted, err = analysis.Convert[T](stored); err != nil {
				return nil
			}
		}
		return analyze(analysis.Cluster{Context: ctx, Cluster: cluster}, converted)
	}
}

// losses finds the virtual services that lose something through a change.
func losses[T any, P interface {
	*T
	metav1.Object
}](kind string) func(context.Context, *kube.Cluster, *unstructured.Unstructured, *unstructured.Unstructured) []engine.Finding {
	return func(ctx context.Context, cluster *kube.Cluster, before, after *unstructured.Unstructured) []engine.Finding {
		was, err := analysis.Convert[T](before)
		if err != nil {
			return nil
		}
		var is metav1.Object
		if after != nil {
			converted, err := analysis.Convert[T](after)
			if err != nil {
				return nil
			}
			is = P(converted)
		}
		return analysis.Losses(analysis.Cluster{Context: ctx, Cluster: cluster}, kind, P(was), is)
	}
}

// offers adapts a function that returns what an object offers or takes.
func offers[T any](of func(*T) []engine.Offer) func(*unstructured.Unstructured) []engine.Offer {
	return func(o *unstructured.Unstructured) []engine.Offer {
		converted, err := analysis.Convert[T](o)
		if err != nil {
			return nil
		}
		return of(converted)
	}
}

// renamed are fields of specs with names that are taken at the root of a resource, by Terraform or by an attribute of all resources of this
// provider.
var renamed = map[string]string{"provider": "extension_provider", "labels": "workload_labels"}

// kind returns a kind of Istio whose spec is a protobuf message.
func kind(of config.GroupVersionKind, message proto.Message, validate istio.ValidateFunc, advice ...admission.Advice) *engine.Kind {
	descriptor := message.ProtoReflect().Descriptor()
	content := spec.FromDescriptor(descriptor)
	for i, f := range content.Fields {
		if name := renamed[f.Name]; name != "" {
			content.Rename(i, name)
			content.Fields[i].Description += fmt.Sprintf(" Istio calls it `%s`.", f.Name)
		}
	}
	about := describe.Of(descriptor.FullName())
	return &engine.Kind{
		Type:        spec.Snake(of.Kind),
		Description: about.Description,
		Reference:   about.Reference,
		Resource:    gvk.MustToGVR(of),
		Kind:        of.Kind,
		Spec:        content,
		ValidName:   validation.IsDNS1123Subdomain,
		Admission:   admission.New(of, message, validate, advice...),
	}
}
