package object

import (
	"maps"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// values are the attributes of a resource: of a configuration, a plan or a state.
type values map[string]tftypes.Value

func valuesOf(raw tftypes.Value) values {
	var v values
	if err := raw.As((*map[string]tftypes.Value)(&v)); err != nil {
		panic("object: a resource that is no object: " + err.Error()) // its schema is one
	}
	return v
}

// raw is the reverse of valuesOf, for a resource of type t.
func (v values) raw(t tftypes.Type) tftypes.Value {
	return tftypes.NewValue(t, map[string]tftypes.Value(v))
}

func (v values) string(name string) string {
	var s string
	if value, ok := v[name]; ok && value.IsKnown() && !value.IsNull() {
		_ = value.As(&s) // the schema says string
	}
	return s
}

// at is the value of an attribute, nested ones spelled as "workload.service"; what lies in something that is null is null itself, and
// what lies in something unknown is unknown.
func (v values) at(name string) tftypes.Value {
	name, rest, nested := strings.Cut(name, ".")
	value, ok := v[name]
	switch {
	case !ok || value.IsNull():
		return tftypes.NewValue(tftypes.DynamicPseudoType, nil)
	case !value.IsKnown():
		return tftypes.NewValue(tftypes.DynamicPseudoType, tftypes.UnknownValue)
	case !nested:
		return value
	}
	var members map[string]tftypes.Value
	_ = value.As(&members) // the schema says object or map
	return values(members).at(rest)
}

// known makes every value of v that is not known null, as in a state.
func (v values) known() values {
	known := maps.Clone(v)
	for name, value := range v {
		if !value.IsFullyKnown() {
			known[name] = tftypes.NewValue(value.Type(), nil)
		}
	}
	return known
}

// document is what Terraform holds of an object, as its JSON. Labels and annotations are there even when empty, so that the
// difference of two documents never takes the whole map, with other people's keys in it, away.
type document map[string]any

// document is v's. When canonical, all values that mean the same are spelled alike.
func (k *Kind) document(v values, canonical bool) (document, error) {
	encode := k.Spec.Encode
	if canonical {
		encode = k.Spec.Canonical
	}
	spec, err := encode(v.raw(v.typ()))
	if err != nil {
		return nil, err
	}
	return document{
		"metadata": map[string]any{"labels": stringMap(v[attrLabels]), "annotations": stringMap(v[attrAnnotations])},
		"spec":     spec,
	}, nil
}

func (v values) typ() tftypes.Object {
	types := make(map[string]tftypes.Type, len(v))
	for name, value := range v {
		types[name] = value.Type()
	}
	return tftypes.Object{AttributeTypes: types}
}

func stringMap(value tftypes.Value) map[string]any {
	var elements map[string]tftypes.Value
	_ = value.As(&elements) // the schema says map of string
	m := make(map[string]any, len(elements))
	for k, e := range elements {
		var s string
		_ = e.As(&s)
		m[k] = s
	}
	return m
}

// object is the Kubernetes object that v describes.
func (k *Kind) object(v values) (*unstructured.Unstructured, error) {
	content, err := k.document(v, false)
	if err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{Object: content}
	object.SetGroupVersionKind(k.Resource.GroupVersion().WithKind(k.Kind))
	object.SetNamespace(v.string(attrNamespace))
	object.SetName(v.string(attrName))
	return object, nil
}

// observe is prior with what live holds now: the whole spec, and the labels and annotations that prior has. unknown are the fields of
// the spec that this provider does not know.
func (k *Kind) observe(live *unstructured.Unstructured, prior values) (now values, unknown []string, err error) {
	spec, _, err := unstructured.NestedMap(live.Object, "spec")
	if err != nil {
		return nil, nil, err
	}
	attributes, unknown, err := k.Spec.Decode(spec, prior.raw(prior.typ()))
	if err != nil {
		return nil, nil, err
	}
	now = maps.Clone(prior)
	maps.Copy(now, attributes)
	now[attrLabels] = owned(prior[attrLabels], live.GetLabels())
	now[attrAnnotations] = owned(prior[attrAnnotations], live.GetAnnotations())
	return now, unknown, nil
}

// compute sets the computed attributes.
func (k *Kind) compute(v values, live Stored) {
	v[attrID] = tftypes.NewValue(tftypes.String, id(live.GetNamespace(), live.GetName()))
	v[attrUID] = tftypes.NewValue(tftypes.String, string(live.GetUID()))
	for name, c := range k.Computed {
		v[name] = c.Read(live)
	}
}

// owned are the entries of live under the keys that prior has.
func owned(prior tftypes.Value, live map[string]string) tftypes.Value {
	var elements map[string]tftypes.Value
	if prior.IsNull() || prior.As(&elements) != nil {
		return tftypes.NewValue(prior.Type(), nil)
	}
	now := make(map[string]tftypes.Value, len(elements))
	for key := range elements {
		if value, ok := live[key]; ok {
			now[key] = tftypes.NewValue(tftypes.String, value)
		}
	}
	return tftypes.NewValue(prior.Type(), now)
}

// id is how Istio refers to an object of another namespace.
func id(namespace, name string) string { return namespace + "/" + name }

func stringMapValue(m map[string]string) tftypes.Value {
	t := tftypes.Map{ElementType: tftypes.String}
	if len(m) == 0 {
		return tftypes.NewValue(t, nil)
	}
	elements := make(map[string]tftypes.Value, len(m))
	for k, v := range m {
		elements[k] = tftypes.NewValue(tftypes.String, v)
	}
	return tftypes.NewValue(t, elements)
}
