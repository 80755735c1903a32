package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// identifying are the attributes that identify an object of a kind in a cluster.
var identifying = &spec.Message{Fields: []spec.Field{
	{Name: attrNamespace, JSON: attrNamespace, Scalar: spec.String},
	{Name: attrName, JSON: attrName, Scalar: spec.String},
}}

func (r *frame) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		attrNamespace: identityschema.StringAttribute{
			OptionalForImport: true,
			Description:       "The namespace of the " + r.kind.Kind + ". By default the provider's namespace, else default.",
		},
		attrName: identityschema.StringAttribute{RequiredForImport: true, Description: "The name of the " + r.kind.Kind + "."},
	}}
}

// identify returns the identity of a resource, or nil if its name is unknown.
func identify(v values) (*tfprotov6.ResourceIdentityData, error) {
	if v.string(attrNamespace) == "" || v.string(attrName) == "" {
		return nil, nil
	}
	data, err := identifying.Marshal(map[string]any{attrNamespace: v[attrNamespace], attrName: v[attrName]})
	return &tfprotov6.ResourceIdentityData{IdentityData: &tfprotov6.DynamicValue{MsgPack: data}}, err
}

// ImportState reads an identity or an ID.
func (r *frame) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	var namespace, name string
	var diags diag.Diagnostics
	if req.ID == "" {
		namespace, name, diags = r.identified(ctx, req)
	} else {
		namespace, name, diags = r.parse(req.ID)
	}
	resp.Diagnostics.Append(diags...)
	if diags.HasError() {
		return
	}
	for attribute, value := range map[string]string{attrNamespace: namespace, attrName: name, attrID: id(namespace, name)} {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(attribute), value)...)
	}
	for attribute, value := range map[string]string{attrNamespace: namespace, attrName: name} {
		resp.Diagnostics.Append(resp.Identity.SetAttribute(ctx, path.Root(attribute), value)...)
	}
}

// identified returns the namespace and the name of an identity.
func (r *frame) identified(ctx context.Context, req resource.ImportStateRequest) (string, string, diag.Diagnostics) {
	var namespace, name types.String
	diags := req.Identity.GetAttribute(ctx, path.Root(attrNamespace), &namespace)
	diags.Append(req.Identity.GetAttribute(ctx, path.Root(attrName), &name)...)
	if namespace.ValueString() == "" {
		namespace = types.StringValue(r.run.Namespace())
	}
	if namespace.ValueString() == "" && !diags.HasError() {
		diags.AddError("Invalid Import Identity", "The identity has no namespace, and the provider's namespace is not known yet. Add the namespace.")
	}
	return namespace.ValueString(), name.ValueString(), diags
}

// parse splits an ID into namespace and name.
func (r *frame) parse(given string) (namespace, name string, diags diag.Diagnostics) {
	namespace, name, ok := strings.Cut(given, "/")
	if !ok {
		namespace, name = r.run.Namespace(), given
	}
	if !ok && namespace == "" {
		diags.AddError("Invalid Import ID",
			fmt.Sprintf("%q has no namespace, and the provider's namespace is not known yet. Use <namespace>/<name>.", given))
	} else if namespace == "" || name == "" || strings.Contains(name, "/") {
		diags.AddError("Invalid Import ID",
			fmt.Sprintf("%q is not the ID of a %s. Use <namespace>/<name>, or only the name for the provider's namespace.", given, r.kind.Kind))
	}
	return namespace, name, diags
}
