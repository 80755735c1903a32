package engine

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	listschema "github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/pager"

	"github.com/magneticio/terraform-provider-lamia/internal/kube"
)

var (
	_ list.ListResourceWithConfigure      = (*frame)(nil)
	_ list.ListResourceWithValidateConfig = (*frame)(nil)
)

// NewList returns the list resource of a kind, with which terraform query finds objects that are not in the configuration.
func NewList(k *Kind) func() list.ListResource {
	return func() list.ListResource { return &frame{kind: k} }
}

const (
	attrLabelSelector = "label_selector"
	attrAllNamespaces = "all_namespaces"
)

func (r *frame) ListResourceConfigSchema(_ context.Context, _ list.ListResourceSchemaRequest, resp *list.ListResourceSchemaResponse) {
	resp.Schema = listschema.Schema{
		MarkdownDescription: "Lists every " + r.kind.Kind + " in one namespace or all of them, for import. Objects owned by other objects, such as the Service " +
			"of a gateway, are left out.",
		Attributes: map[string]listschema.Attribute{
			attrNamespace: listschema.StringAttribute{
				Optional: true, MarkdownDescription: "The namespace to list. By default the provider's `namespace`, else `default`.",
			},
			attrAllNamespaces: listschema.BoolAttribute{
				Optional: true, MarkdownDescription: "Whether to list all namespaces. Needs permission to list this kind cluster-wide.",
			},
			attrLabelSelector: listschema.StringAttribute{
				Optional: true, MarkdownDescription: "A label selector as for `kubectl get -l`, such as `team=reviews,tier!=test`.",
			},
		},
	}
}

func (r *frame) ValidateListResourceConfig(ctx context.Context, req list.ValidateConfigRequest, resp *list.ValidateConfigResponse) {
	var namespace, selector types.String
	var all types.Bool
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root(attrNamespace), &namespace)...)
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root(attrAllNamespaces), &all)...)
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root(attrLabelSelector), &selector)...)
	if all.ValueBool() && !namespace.IsNull() {
		resp.Diagnostics.AddAttributeError(path.Root(attrNamespace), "Too Many Attributes Set", "namespace and all_namespaces cannot both be set. Remove one.")
	}
	if _, err := labels.Parse(selector.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(path.Root(attrLabelSelector), "Invalid Label Selector",
			"The label selector is invalid: "+err.Error()+". Use the syntax of kubectl get -l, such as team=reviews.")
	}
}

func (r *frame) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	var namespace, selector types.String
	var all types.Bool
	diags := req.Config.GetAttribute(ctx, path.Root(attrNamespace), &namespace)
	diags.Append(req.Config.GetAttribute(ctx, path.Root(attrAllNamespaces), &all)...)
	diags.Append(req.Config.GetAttribute(ctx, path.Root(attrLabelSelector), &selector)...)
	cluster, unknown := r.run.Cluster()
	diags.Append(unknown...)
	if diags.HasError() {
		stream.Results = list.ListResultsStreamDiagnostics(diags)
		return
	}
	in := kube.Object{Resource: r.kind.Resource, Kind: r.kind.Kind, Namespace: r.run.Namespace()}
	if !namespace.IsNull() {
		in.Namespace = namespace.ValueString()
	}
	if all.ValueBool() {
		in.Namespace = metav1.NamespaceAll
	}
	stream.Results = func(push func(list.ListResult) bool) {
		pages := pager.New(func(ctx context.Context, options metav1.ListOptions) (page runtime.Object, err error) {
			err = cluster.Read(ctx, func(ctx context.Context) (err error) {
				page, err = cluster.Dynamic.Resource(in.Resource).Namespace(in.Namespace).List(ctx, options)
				return err
			})
			return page, err
		})
		enough, found := errors.New("enough"), int64(0)
		err := pages.EachListItem(ctx, metav1.ListOptions{LabelSelector: selector.ValueString()}, func(o runtime.Object) error {
			live := o.(*unstructured.Unstructured)
			if len(live.GetOwnerReferences()) > 0 {
				return nil
			}
			if found++; !push(r.result(ctx, req, live)) || found == req.Limit {
				return enough
			}
			return nil
		})
		if err != nil && !errors.Is(err, enough) {
			push(list.ListResult{Diagnostics: kube.Diagnostics("list", in, err, r.kind.at)})
		}
	}
}

func (r *frame) result(ctx context.Context, req list.ListRequest, live *unstructured.Unstructured) list.ListResult {
	result := req.NewListResult(ctx)
	result.DisplayName = id(live.GetNamespace(), live.GetName())
	result.Diagnostics.Append(result.Identity.SetAttribute(ctx, path.Root(attrNamespace), live.GetNamespace())...)
	result.Diagnostics.Append(result.Identity.SetAttribute(ctx, path.Root(attrName), live.GetName())...)
	if !req.IncludeResource {
		return result
	}
	state, _, err := r.kind.observe(live, r.kind.found(live, values{}))
	if err == nil {
		r.kind.fillBare(state)
		r.kind.compute(state, Stored{Unstructured: live}, nil)
		var value *tfprotov6.DynamicValue
		if value, err = r.kind.marshal(state); err == nil {
			result.Resource.Raw, err = value.Unmarshal(req.ResourceSchema.Type().TerraformType(ctx))
		}
	}
	if err != nil {
		result.Diagnostics.Append(diag.NewWarningDiagnostic(result.DisplayName+" cannot be read", err.Error()+"."))
	}
	return result
}
