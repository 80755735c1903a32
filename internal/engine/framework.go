package engine

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
)

var (
	_ resource.ResourceWithConfigure   = (*frame)(nil)
	_ resource.ResourceWithImportState = (*frame)(nil)
	_ resource.ResourceWithIdentity    = (*frame)(nil)
)

// New returns the part of a kind's resource that terraform-plugin-framework serves: its schema and the import.
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
	description := fmt.Sprintf("%s\n\nAttributes are the fields of [%s](%s) in snake case.", r.kind.Description, r.kind.Kind, r.kind.Reference)
	resp.Schema = schema.Schema{MarkdownDescription: description, Attributes: r.kind.Attributes().Attributes()}
}

func (r *frame) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	if req.ProviderData != nil { // nil during terraform validate
		r.run = req.ProviderData.(*Run)
	}
}

// The framework requires these methods. Terraform's requests never reach them: see [Kind.PlanResourceChange] and the others.

func (r *frame) Create(context.Context, resource.CreateRequest, *resource.CreateResponse) {}
func (r *frame) Read(context.Context, resource.ReadRequest, *resource.ReadResponse)       {}
func (r *frame) Update(context.Context, resource.UpdateRequest, *resource.UpdateResponse) {}
func (r *frame) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {}
