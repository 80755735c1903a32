package virtualcluster

import (
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// namespace is a Namespace with its labels and annotations.
type namespace struct {
	Labels      map[string]string `tfsdk:"labels"`
	Annotations map[string]string `tfsdk:"annotations"`
	Phase       *string           `tfsdk:"phase"`
	Mesh        *mesh             `tfsdk:"mesh"`
}

func newNamespace(live *unstructured.Unstructured) (namespace, error) {
	n, err := decode[corev1.Namespace](live)
	if err != nil {
		return namespace{}, err
	}
	phase, mesh := string(n.Status.Phase), membership(n.Name, n.Labels)
	annotations := notNil(maps.Clone(n.Annotations))
	delete(annotations, corev1.LastAppliedConfigAnnotation) // kubectl's copy of the whole object
	return namespace{Labels: notNil(n.Labels), Annotations: annotations, Phase: &phase, Mesh: &mesh}, nil
}

// notNil returns m, or an empty map if m is nil.
func notNil[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return m
}

func namespaceAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"labels": schema.MapAttribute{
			Computed: true, ElementType: types.StringType,
			MarkdownDescription: "Labels of the namespace.",
		},
		"annotations": schema.MapAttribute{
			Computed: true, ElementType: types.StringType,
			MarkdownDescription: "Annotations of the namespace, except kubectl's copy of the last applied manifest.",
		},
		"phase": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "`Active`, or `Terminating` while the namespace is being deleted.",
		},
		"mesh": schema.SingleNestedAttribute{
			Computed: true,
			MarkdownDescription: "How the namespace's pods join the mesh by Istio's rules for the labels `istio-injection`, `istio.io/rev` and " +
				"`istio.io/dataplane-mode`. A pod's own labels can override this, and so can an installation of Istio that injects sidecars without labels " +
				"(`enableNamespacesByDefault`).",
			Attributes: map[string]schema.Attribute{
				"mode": schema.StringAttribute{
					Computed: true,
					MarkdownDescription: "`sidecar`: new pods get a sidecar proxy if Istio runs in the cluster with that `revision`; `ambient`: the node's " +
						"proxy handles their traffic; `none`: they are not in the mesh.",
				},
				"revision": schema.StringAttribute{
					Computed: true,
					MarkdownDescription: "The Istio revision or revision tag that injects the sidecar: the value of `istio.io/rev`, or `default` if " +
						"`istio-injection` is `enabled`. Null for other modes.",
				},
			},
		},
	}
}
