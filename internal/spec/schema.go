package spec

import (
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-validators/float64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/magneticio/terraform-provider-lamia/internal/describe"
)

// Attributes are the Terraform attributes of m. All are required or optional, none is computed.
func (m *Message) Attributes() map[string]schema.Attribute {
	attributes := make(map[string]schema.Attribute, len(m.Fields))
	for _, f := range m.Fields {
		attributes[f.Name] = f.Attribute()
	}
	return attributes
}

// Attribute is the Terraform attribute of the field.
func (f Field) Attribute() schema.Attribute {
	switch {
	case f.Collection == List && f.Message != nil:
		a := schema.ListNestedAttribute{
			MarkdownDescription: f.Description, DeprecationMessage: f.Deprecation, Required: f.Required, Optional: !f.Required,
			NestedObject: f.Message.nestedObject(), Validators: f.listValidators(),
		}
		return listAttribute{a, a.GetType(), newNestedObject(a.NestedObject)}
	case f.Collection == List:
		return schema.ListAttribute{
			MarkdownDescription: f.Description, DeprecationMessage: f.Deprecation, Required: f.Required, Optional: !f.Required,
			ElementType: f.Scalar.Type, Validators: f.listValidators(),
		}
	case f.Collection == Map && f.Message != nil:
		a := schema.MapNestedAttribute{
			MarkdownDescription: f.Description, DeprecationMessage: f.Deprecation, Required: f.Required, Optional: !f.Required,
			NestedObject: f.Message.nestedObject(), Validators: f.mapValidators(),
		}
		return mapAttribute{a, a.GetType(), newNestedObject(a.NestedObject)}
	case f.Collection == Map:
		return schema.MapAttribute{
			MarkdownDescription: f.Description, DeprecationMessage: f.Deprecation, Required: f.Required, Optional: !f.Required,
			ElementType: f.Scalar.Type, Validators: f.mapValidators(),
		}
	case f.Message != nil:
		a := schema.SingleNestedAttribute{
			MarkdownDescription: f.Description, DeprecationMessage: f.Deprecation, Required: f.Required, Optional: !f.Required,
			Attributes: f.Message.Attributes(), Validators: f.Message.validators(),
		}
		return objectAttribute{a, a.GetType()}
	}
	switch f.Scalar.Type {
	case types.BoolType:
		return schema.BoolAttribute{
			MarkdownDescription: f.Description, DeprecationMessage: f.Deprecation, Required: f.Required, Optional: !f.Required,
		}
	case types.NumberType:
		return schema.NumberAttribute{
			MarkdownDescription: f.Description, DeprecationMessage: f.Deprecation, Required: f.Required, Optional: !f.Required,
			Validators: []validator.Number{f.Scalar.wholeNumber(f.Constraints)},
		}
	case types.Float64Type:
		return schema.Float64Attribute{
			MarkdownDescription: f.Description, DeprecationMessage: f.Deprecation, Required: f.Required, Optional: !f.Required,
			Validators: float64Validators(f.Constraints),
		}
	}
	s := schema.StringAttribute{
		MarkdownDescription: f.Description, DeprecationMessage: f.Deprecation, Required: f.Required, Optional: !f.Required,
		Validators: f.Scalar.stringValidators(f.Constraints),
	}
	if f.Scalar.Type != types.StringType {
		s.CustomType = durationType{}
	}
	return s
}

func (m *Message) nestedObject() schema.NestedAttributeObject {
	return schema.NestedAttributeObject{Attributes: m.Attributes(), Validators: m.validators()}
}

func (m *Message) validators() []validator.Object {
	v := slices.Clone(m.Validators)
	for _, names := range m.OneOfs {
		v = append(v, atMostOne(names))
	}
	return v
}

func (f Field) listValidators() []validator.List {
	v := []validator.List{listvalidator.NoNullValues()}
	if f.MinItems != nil {
		v = append(v, listvalidator.SizeAtLeast(int(*f.MinItems)))
	}
	if f.MaxItems != nil {
		v = append(v, listvalidator.SizeAtMost(int(*f.MaxItems)))
	}
	switch {
	case f.Message != nil:
	case f.Scalar.Type == types.NumberType:
		v = append(v, listvalidator.ValueNumbersAre(f.Scalar.wholeNumber(f.Element)))
	default:
		if s := f.Scalar.stringValidators(f.Element); s != nil {
			v = append(v, listvalidator.ValueStringsAre(s...))
		}
	}
	return v
}

func (f Field) mapValidators() []validator.Map {
	v := []validator.Map{mapvalidator.NoNullValues()}
	if f.MaxProperties != nil {
		v = append(v, mapvalidator.SizeAtMost(int(*f.MaxProperties)))
	}
	switch {
	case f.Message != nil:
	case f.Scalar.Type == types.NumberType:
		v = append(v, mapvalidator.ValueNumbersAre(f.Scalar.wholeNumber(f.Element)))
	default:
		if s := f.Scalar.stringValidators(f.Element); s != nil {
			v = append(v, mapvalidator.ValueStringsAre(s...))
		}
	}
	return v
}

func (s Scalar) wholeNumber(c describe.Constraints) wholeNumber {
	low, high := s.Min, s.Max
	if c.Minimum != nil {
		low = max(low, *c.Minimum)
	}
	if c.Maximum != nil {
		high = min(high, *c.Maximum)
	}
	return wholeNumber{low, high}
}

func float64Validators(c describe.Constraints) (v []validator.Float64) {
	if c.Minimum != nil {
		v = append(v, float64validator.AtLeast(float64(*c.Minimum)))
	}
	if c.Maximum != nil {
		v = append(v, float64validator.AtMost(float64(*c.Maximum)))
	}
	return v
}

func (s Scalar) stringValidators(c describe.Constraints) (v []validator.String) {
	if s.Values != nil {
		v = append(v, stringvalidator.OneOf(s.Values...))
	}
	if s.Validator != nil {
		v = append(v, s.Validator)
	}
	if c.MaxLength != nil {
		v = append(v, stringvalidator.UTF8LengthAtMost(int(*c.MaxLength)))
	}
	if c.MinDuration != 0 {
		v = append(v, minDuration(c.MinDuration))
	}
	return v
}
