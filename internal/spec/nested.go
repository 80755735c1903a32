package spec

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// The framework (v1.19) walks the schema from its root for every value in it. At each step its nested attributes copy the map of their
// attributes, and when asked for their type make it anew, down to the last leaf. These, which are the same otherwise, know both.
type (
	listAttribute struct {
		schema.ListNestedAttribute
		typ    attr.Type
		object nestedObject
	}
	mapAttribute struct {
		schema.MapNestedAttribute
		typ    attr.Type
		object nestedObject
	}
	objectAttribute struct {
		schema.SingleNestedAttribute
		typ attr.Type
	}
	nestedObject struct {
		schema.NestedAttributeObject
		typ basetypes.ObjectTypable
	}
)

func newNestedObject(o schema.NestedAttributeObject) nestedObject { return nestedObject{o, o.Type()} }

func (a listAttribute) GetType() attr.Type           { return a.typ }
func (a mapAttribute) GetType() attr.Type            { return a.typ }
func (a objectAttribute) GetType() attr.Type         { return a.typ }
func (o nestedObject) Type() basetypes.ObjectTypable { return o.typ }

func (a listAttribute) ApplyTerraform5AttributePathStep(step tftypes.AttributePathStep) (any, error) {
	if _, ok := step.(tftypes.ElementKeyInt); !ok {
		return nil, fmt.Errorf("a list has no %T", step)
	}
	return a.object, nil
}

func (a mapAttribute) ApplyTerraform5AttributePathStep(step tftypes.AttributePathStep) (any, error) {
	if _, ok := step.(tftypes.ElementKeyString); !ok {
		return nil, fmt.Errorf("a map has no %T", step)
	}
	return a.object, nil
}

func (a objectAttribute) ApplyTerraform5AttributePathStep(step tftypes.AttributePathStep) (any, error) {
	return attributeAt(a.Attributes, step)
}

func (o nestedObject) ApplyTerraform5AttributePathStep(step tftypes.AttributePathStep) (any, error) {
	return attributeAt(o.Attributes, step)
}

func attributeAt(attributes map[string]schema.Attribute, step tftypes.AttributePathStep) (any, error) {
	name, ok := step.(tftypes.AttributeName)
	if !ok {
		return nil, fmt.Errorf("an object has no %T", step)
	}
	attribute, ok := attributes[string(name)]
	if !ok {
		return nil, fmt.Errorf("no attribute %q", name)
	}
	return attribute, nil
}
