package spec

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Attributes returns the Terraform attributes of m. They have no validators, because [Message.Validate] checks the values.
func (m *Message) Attributes() map[string]schema.Attribute {
	attributes := make(map[string]schema.Attribute, len(m.Fields))
	for i := range m.Fields {
		attributes[m.Fields[i].Name] = m.Fields[i].attribute()
	}
	return attributes
}

func (f *Field) attribute() schema.Attribute {
	required, computed := f.Required, f.Computed
	optional := !required && (!computed || f.Configurable)
	if f.Message != nil {
		nested := f.Message.Attributes()
		switch f.Collection {
		case List:
			return schema.ListNestedAttribute{
				MarkdownDescription: f.description(), Required: required, Optional: optional, Computed: computed,
				NestedObject: schema.NestedAttributeObject{Attributes: nested},
			}
		case Map:
			return schema.MapNestedAttribute{
				MarkdownDescription: f.description(), Required: required, Optional: optional, Computed: computed,
				NestedObject: schema.NestedAttributeObject{Attributes: nested},
			}
		}
		return schema.SingleNestedAttribute{
			MarkdownDescription: f.description(), Required: required, Optional: optional, Computed: computed,
			Attributes: nested,
		}
	}
	switch f.Collection {
	case List:
		return schema.ListAttribute{
			MarkdownDescription: f.description(), Required: required, Optional: optional, Computed: computed,
			ElementType: f.Scalar.Type.attr(),
		}
	case Map:
		return schema.MapAttribute{
			MarkdownDescription: f.description(), Required: required, Optional: optional, Computed: computed,
			ElementType: f.Scalar.Type.attr(),
		}
	}
	switch f.Scalar.Type {
	case BoolType:
		return schema.BoolAttribute{
			MarkdownDescription: f.description(), Required: required, Optional: optional, Computed: computed,
		}
	case IntegerType, FloatType:
		return schema.NumberAttribute{
			MarkdownDescription: f.description(), Required: required, Optional: optional, Computed: computed,
		}
	}
	return schema.StringAttribute{
		MarkdownDescription: f.description(), Required: required, Optional: optional, Computed: computed,
	}
}

// description returns the description with the deprecation. The schema cannot mark the attribute as deprecated, because Terraform would omit it
// from the configuration that it generates for an import, and the next plan would remove it. [Message.Validate] warns instead.
func (f *Field) description() string {
	if f.Deprecation == "" {
		return f.Description
	}
	return "Deprecated: " + f.Deprecation + " " + f.Description
}

func (t Type) attr() attr.Type {
	return map[Type]attr.Type{StringType: types.StringType, BoolType: types.BoolType, IntegerType: types.NumberType, FloatType: types.NumberType}[t]
}
