package spec

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Decode is the reverse of Encode: the attributes of m that object, JSON as the dynamic client reads it, holds. prior is the value
// that Terraform knows, or null: it tells which values that the API server filled in are Terraform's nevertheless ([Field.Filled]).
// unknown lists the fields of object that m, unless it is partial, does not have, such as "http[0].newInIstio2". An error is of type *[Error].
func (m *Message) Decode(object map[string]any, prior tftypes.Value) (attributes map[string]tftypes.Value, unknown []string, err error) {
	d := decoder{}
	attributes, err = d.message(path.Empty(), "", m, object, prior)
	slices.Sort(d.unknown)
	return attributes, d.unknown, err
}

type decoder struct{ unknown []string }

func (d *decoder) message(at path.Path, name string, m *Message, object map[string]any, prior tftypes.Value) (map[string]tftypes.Value, error) {
	known := members(prior)
	attributes := make(map[string]tftypes.Value, len(m.Fields))
	seen := 0
	for i := range m.Fields {
		f := &m.Fields[i]
		j, key := f.in(object)
		if key != "" {
			seen++
		}
		before, ok := known[f.Name]
		if !ok {
			before = tftypes.NewValue(f.Type(), nil)
		}
		if j == nil && m.storesNothingOf(f, before) {
			attributes[f.Name] = before
			continue
		}
		if j == nil || before.IsNull() && f.Filled != nil && f.Filled(j, object) {
			attributes[f.Name] = tftypes.NewValue(f.Type(), nil)
			continue
		}
		v, err := d.field(at.AtName(f.Name), join(name, key), f, j, before)
		if err != nil {
			return nil, err
		}
		attributes[f.Name] = v
	}
	if seen < len(object) && !m.Partial {
		d.strangers(name, m, object)
	}
	return attributes, nil
}

// storesNothingOf reports whether value, which is not null, leaves no trace in a stored object.
func (m *Message) storesNothingOf(f *Field, value tftypes.Value) bool {
	j, err := f.encode(path.Empty(), value, false)
	if err != nil || value.IsNull() {
		return false
	}
	switch j := j.(type) {
	case nil:
		return true
	case string:
		return m.OmitsEmpty && j == ""
	case []any:
		return m.OmitsEmpty && len(j) == 0
	case map[string]any:
		return m.OmitsEmpty && len(j) == 0
	}
	return false
}

// in is the field's value in object and the key it stands under, "" if it is absent. Like protobuf, it reads the field under its
// protobuf name too: Istio's CRD has one field, mirror_percent, under both.
func (f *Field) in(object map[string]any) (value any, key string) {
	for _, key := range []string{f.JSON, f.Name} {
		if v, ok := object[key]; ok {
			return v, key
		}
	}
	return nil, ""
}

func (d *decoder) strangers(name string, m *Message, object map[string]any) {
	for key := range object {
		if !slices.ContainsFunc(m.Fields, func(f Field) bool { return f.JSON == key || f.Name == key }) {
			d.unknown = append(d.unknown, join(name, key))
		}
	}
}

func (d *decoder) field(at path.Path, name string, f *Field, j any, prior tftypes.Value) (tftypes.Value, error) {
	switch f.Collection {
	case List:
		list, ok := j.([]any)
		if !ok {
			return tftypes.Value{}, &Error{at, fmt.Errorf("holds %T, not a list", j)}
		}
		before := elements(prior)
		values := make([]tftypes.Value, len(list))
		for i, e := range list {
			var p tftypes.Value
			if i < len(before) {
				p = before[i]
			}
			v, err := d.element(at.AtListIndex(i), fmt.Sprintf("%s[%d]", name, i), f, e, p)
			if err != nil {
				return tftypes.Value{}, err
			}
			values[i] = v
		}
		return tftypes.NewValue(f.Type(), values), nil
	case Map:
		object, ok := j.(map[string]any)
		if !ok {
			return tftypes.Value{}, &Error{at, fmt.Errorf("holds %T, not a map", j)}
		}
		before := members(prior)
		values := make(map[string]tftypes.Value, len(object))
		for _, k := range slices.Sorted(maps.Keys(object)) {
			v, err := d.element(at.AtMapKey(k), fmt.Sprintf("%s[%s]", name, k), f, object[k], before[k])
			if err != nil {
				return tftypes.Value{}, err
			}
			values[k] = v
		}
		return tftypes.NewValue(f.Type(), values), nil
	}
	return d.element(at, name, f, j, prior)
}

func (d *decoder) element(at path.Path, name string, f *Field, j any, prior tftypes.Value) (tftypes.Value, error) {
	if f.Message != nil {
		object, ok := j.(map[string]any)
		if !ok && j != nil { // an element that is null means an empty message to protobuf
			return tftypes.Value{}, &Error{at, fmt.Errorf("holds %T, not an object", j)}
		}
		attributes, err := d.message(at, name, f.Message, object, prior)
		if err != nil {
			return tftypes.Value{}, err
		}
		return tftypes.NewValue(f.Message.Type(), attributes), nil
	}
	v, err := f.Scalar.decode(j)
	if err != nil {
		return tftypes.Value{}, &Error{at, err}
	}
	return tftypes.NewValue(f.elementType(), v), nil
}

// members are the attributes or elements of an object or a map; none, if value is null, unknown or no such thing.
func members(value tftypes.Value) map[string]tftypes.Value {
	var m map[string]tftypes.Value
	if value.Type() == nil || !value.IsKnown() || value.As(&m) != nil {
		return nil
	}
	return m
}

// elements are those of a list; none, if value is null, unknown or no list.
func elements(value tftypes.Value) []tftypes.Value {
	var l []tftypes.Value
	if value.Type() == nil || !value.IsKnown() || value.As(&l) != nil {
		return nil
	}
	return l
}

func join(name, key string) string {
	if name == "" {
		return key
	}
	return name + "." + key
}
