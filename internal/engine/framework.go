package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
)

var (
	_ resource.ResourceWithConfigure   = (*frame)(nil)
	_ resource.ResourceWithImportState = (*frame)(nil)
)

// New makes what terraform-plugin-framework serves of the resource of a kind: its schema, and the import.
func New(k *Kind) func() resource.Resource {
	return func() resource.Resource { return &frame{kind: k} }
}

type frame struct {
	kind *Kind
	run  *Run
}

func (r *frame) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + r.kind.Type
}

func (r *frame) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{MarkdownDescription: r.kind.Description, Attributes: r.kind.Attributes().Attributes()}
}

func (r *frame) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	if req.ProviderData != nil { // it is nil while terraform validates
		r.run = req.ProviderData.(*Run)
	}
}

func (r *frame) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	namespace, name, ok := strings.Cut(req.ID, "/")
	if !ok {
		namespace, name = r.run.Namespace(), req.ID
	}
	if !ok && namespace == "" {
		resp.Diagnostics.AddError("Invalid Import ID",
			fmt.Sprintf("%q names no namespace, and the provider's namespace is not known yet. Use <namespace>/<name>.", req.ID))
		return
	}
	if namespace == "" || name == "" || strings.Contains(name, "/") {
		resp.Diagnostics.AddError("Invalid Import ID",
			fmt.Sprintf("%q does not name a %s. Use <namespace>/<name>, or the name alone for the provider's namespace.", req.ID, r.kind.Kind))
		return
	}
	for attribute, value := range map[string]string{attrNamespace: namespace, attrName: name, attrID: id(namespace, name)} {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(attribute), value)...)
	}
}

// The framework asks every resource for these. Terraform's requests for them never reach it: see [Kind.PlanResourceChange] and the others.

func (r *frame) Create(context.Context, resource.CreateRequest, *resource.CreateResponse) {}
func (r *frame) Read(context.Context, resource.ReadRequest, *resource.ReadResponse)       {}
func (r *frame) Update(context.Context, resource.UpdateRequest, *resource.UpdateResponse) {}
func (r *frame) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {}
