package engine

import (
	"maps"
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// values are the attributes of a resource in a configuration, a plan or a state, as a tree of package spec. Attributes of the object's spec have
// the names of its JSON.
type values map[string]any

func (v values) string(name string) string {
	s, _ := v[name].(string)
	return s
}

// at returns the value of an attribute. Nested names have the form "workload.service". The value is null or unknown if a value that contains it
// is.
func (v values) at(name string) any {
	if value, ok := v[name]; ok {
		return value
	}
	var value any = map[string]any(v)
	for step := range strings.SplitSeq(name, ".") {
		object, ok := value.(map[string]any)
		if !ok {
			return value
		}
		value = object[step]
	}
	return value
}

// known returns v without attributes that are not completely known.
func (v values) known() values {
	known := maps.Clone(v)
	maps.DeleteFunc(known, func(_ string, value any) bool { return !spec.Known(value) })
	return known
}

// set sets an attribute; nil means null.
func (v values) set(name string, value any) {
	if v[name] = value; value == nil {
		delete(v, name)
	}
}

// document is the part of an object that Terraform manages, as JSON. It always contains labels and annotations, so that the difference of two
// documents never removes the whole map, which may have keys of others.
type document map[string]any

// specOf returns the attributes of the object's spec.
func (k *Kind) specOf(v values) map[string]any {
	content := make(map[string]any, len(v))
	for i := range k.Spec.Fields {
		if value, ok := v[k.Spec.Fields[i].JSON]; ok {
			content[k.Spec.Fields[i].JSON] = value
		}
	}
	return content
}

// document returns the document of v. With canonical, values with the same meaning are equal.
func (k *Kind) document(v values, canonical bool) (document, error) {
	encode := k.Spec.Encode
	if canonical {
		encode = k.Spec.Canonical
	}
	content, err := encode(k.specOf(v))
	if err != nil {
		return nil, err
	}
	return document{
		"metadata": map[string]any{"labels": k.set().labels().of(v), "annotations": k.set().annotations().of(v)},
		"spec":     content,
	}, nil
}

// mapOf returns a map, which is empty if value is null.
func mapOf(value any) map[string]any {
	if m, ok := value.(map[string]any); ok {
		return m
	}
	return map[string]any{}
}

// object returns the Kubernetes object of v.
func (k *Kind) object(v values) (*unstructured.Unstructured, error) {
	content, err := k.document(v, false)
	if err != nil {
		return nil, err
	}
	content["metadata"].(map[string]any)["namespace"] = v.string(attrNamespace)
	content["metadata"].(map[string]any)["name"] = v.string(attrName)
	object := &unstructured.Unstructured{Object: content}
	object.SetGroupVersionKind(k.Resource.GroupVersion().WithKind(k.Kind))
	return object, nil
}

// observe returns prior with the values of live: the whole spec, and the labels and annotations with keys in prior. unknown are the fields of
// the spec that this provider does not know.
func (k *Kind) observe(live *unstructured.Unstructured, prior values) (now values, unknown []string, err error) {
	content, _, err := unstructured.NestedFieldNoCopy(live.Object, "spec")
	if err != nil {
		return nil, nil, err
	}
	tree, unknown, err := k.Spec.Observe(mapOf(content), prior)
	if err != nil {
		return nil, nil, err
	}
	now = maps.Clone(prior)
	for i := range k.Spec.Fields {
		now.set(k.Spec.Fields[i].JSON, tree[k.Spec.Fields[i].JSON])
	}
	for name := range k.Defaults { // null and an empty map are the same for these
		if known, ok := prior[name].(map[string]any); ok && len(known) == 0 && now[name] == nil {
			now[name] = known
		}
	}
	k.set().labels().observe(now, prior, live.GetLabels())
	k.set().annotations().observe(now, prior, live.GetAnnotations())
	return now, unknown, nil
}

// compute sets the computed attributes. Attributes with a planned value keep it, as Terraform requires, and the next refresh shows changes.
func (k *Kind) compute(v values, live Stored, planned values) {
	set := func(name string, value any) {
		if planned != nil && planned[name] != spec.Unknown {
			value = planned[name]
		}
		v.set(name, value)
	}
	set(attrID, id(live.GetNamespace(), live.GetName()))
	set(attrUID, string(live.GetUID()))
	for _, c := range k.Computed {
		set(c.Name, c.Read(Stored{live.Unstructured, live.Companions, k.set()}))
	}
}

// owned returns the live entries with the keys of prior, or nil if prior is null. Ignored keys keep their prior value.
func owned(prior any, live map[string]string, ignored []*regexp.Regexp) any {
	keys, ok := prior.(map[string]any)
	if !ok {
		return nil
	}
	now := make(map[string]any, len(keys))
	for key, was := range keys {
		if matches(ignored, key) {
			now[key] = was
		} else if value, ok := live[key]; ok {
			now[key] = norm.NFC.String(value) // in Terraform's normal form; keys are ASCII
		}
	}
	return now
}

// found returns the initial state of an imported object. It has the labels and annotations that this provider has written, and those with keys
// already in state.
func (k *Kind) found(live *unstructured.Unstructured, state values) values {
	state = maps.Clone(state)
	state[attrNamespace], state[attrName], state[attrID] = live.GetNamespace(), live.GetName(), id(live.GetNamespace(), live.GetName())
	for name, m := range map[string]metadataOf{attrLabels: k.set().labels(), attrAnnotations: k.set().annotations()} {
		all := live.GetLabels()
		if name == attrAnnotations {
			all = live.GetAnnotations()
		}
		own := ownKeys(live.GetManagedFields(), name, all)
		delete(own, Creation)
		for key := range mapOf(state[m.key]) {
			if value, ok := all[key]; ok {
				own[key] = value
			}
		}
		m.found(state, own)
	}
	return state
}

// isBare reports whether the object has no value for attributes with a default.
func (k *Kind) isBare(live *unstructured.Unstructured) bool {
	content, _, _ := unstructured.NestedMap(live.Object, "spec")
	for name := range k.Defaults {
		if len(mapOf(content[name])) > 0 {
			return false
		}
	}
	return len(k.Defaults) > 0
}

// fillBare sets attributes with defaults to empty, since null would mean the default.
func (k *Kind) fillBare(v values) {
	for name := range k.Defaults {
		if v[name] == nil {
			v[name] = map[string]any{}
		}
	}
}

// id returns the name by which Istio refers to an object in another namespace.
func id(namespace, name string) string { return namespace + "/" + name }

// stringMap returns a map for Terraform, or nil (null) if it is empty.
func stringMap(m map[string]string) any {
	if len(m) == 0 {
		return nil
	}
	elements := make(map[string]any, len(m))
	for k, v := range m {
		elements[k] = norm.NFC.String(v)
	}
	return elements
}
