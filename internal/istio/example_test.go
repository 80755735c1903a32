package istio_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// object is a value of a message, with the names of attributes or the names of Kubernetes' JSON.
type object = map[string]any

// examples returns objects of m that together set every attribute. path is the message's path of attribute names without indices, such as
// "VirtualService.http.match". values and choices contain what istiod requires beyond the descriptors.
func examples(path string, m *spec.Message) (all []object) {
	for _, c := range choicesAt(path) {
		all = append(all, c.examples(path, m)...)
	}
	return all
}

// member is a value of one attribute.
type member struct {
	name  string
	value any
	once  bool // for one object only
}

func (c choice) examples(path string, m *spec.Message) []object {
	// Attributes that exclude each other share a sequence of members. Others have their own. Each object takes one member of each sequence.
	sequences := make(map[string][]member)
	for _, f := range m.Fields {
		if slices.Contains(c.without, f.Name) {
			continue
		}
		sequence := f.Name
		for _, names := range m.OneOfs {
			if slices.Contains(names, f.Name) {
				sequence = names[0]
			}
		}
		values := fieldExamples(path+"."+f.Name, f)
		if value, ok := c.with[f.Name]; ok {
			values = []any{value}
		}
		for _, value := range values {
			once := f.Message != nil && !f.Required && !slices.Contains(c.needs, f.Name)
			sequences[sequence] = append(sequences[sequence], member{f.Name, value, once})
		}
	}
	n := 1
	for _, members := range sequences {
		n = max(n, len(members))
	}
	objects := make([]object, n)
	for i := range objects {
		objects[i] = object{}
		for _, members := range sequences {
			if chosen := members[i%len(members)]; i < len(members) || !chosen.once {
				objects[i][chosen.name] = chosen.value
			}
		}
	}
	return objects
}

func fieldExamples(path string, f spec.Field) []any {
	if values := valuesAt(path); values != nil {
		return values
	}
	var values []any
	if f.Message != nil {
		for _, o := range examples(path, f.Message) {
			values = append(values, o)
		}
	} else {
		values = []any{scalarExample(f)}
	}
	switch f.Collection {
	case spec.List:
		return []any{values}
	case spec.Map:
		m := object{}
		for i, value := range values {
			m["key"+string(rune('a'+i))] = value
		}
		return []any{m}
	}
	return values
}

func scalarExample(f spec.Field) any {
	switch s := f.Scalar; {
	case s.Type == spec.BoolType:
		return true
	case s.Type == spec.IntegerType:
		n, limits := int64(7), f.Constraints
		if f.Collection != spec.One {
			limits = f.Element
		}
		if limits.Minimum != nil {
			n = max(n, *limits.Minimum)
		}
		if limits.Maximum != nil {
			n = min(n, *limits.Maximum)
		}
		return n
	case s.Type == spec.FloatType:
		return 12.5
	case s.Values != nil:
		return s.Values[len(s.Values)-1]
	case s.JSON:
		return `{"name":"example","number":1.5}`
	case s.Check == nil:
		return "example"
	case s.Check("") == nil: // bytes
		return base64.StdEncoding.EncodeToString([]byte("example"))
	}
	return "1m30s"
}

// asStored returns o as the API server stores it.
func asStored(m *spec.Message, o object) object {
	stored := object{}
	for _, f := range m.Fields {
		if value, ok := o[f.Name]; ok {
			stored[f.JSON] = fieldAsStored(f, value)
		}
	}
	return stored
}

func fieldAsStored(f spec.Field, value any) any {
	if f.Scalar.JSON {
		if list, ok := value.([]any); ok {
			f.Collection = spec.One
			all := make([]any, len(list))
			for i := range list {
				all[i] = fieldAsStored(f, list[i])
			}
			return all
		}
		var object any
		if err := json.Unmarshal([]byte(value.(string)), &object); err != nil {
			panic(err)
		}
		return object
	}
	if f.Message == nil {
		return value
	}
	switch f.Collection {
	case spec.List:
		list := make([]any, len(value.([]any)))
		for i, element := range value.([]any) {
			list[i] = asStored(f.Message, element.(object))
		}
		return list
	case spec.Map:
		m := object{}
		for key, element := range value.(object) {
			m[key] = asStored(f.Message, element.(object))
		}
		return m
	}
	return asStored(f.Message, value.(object))
}

// leavesOf adds the paths of attributes that o sets to leaves, except for those with nested attributes.
func leavesOf(path string, m *spec.Message, o object, leaves map[string]bool) {
	for _, f := range m.Fields {
		value, ok := o[f.Name]
		if !ok {
			continue
		}
		at := path + "." + f.Name
		switch {
		case f.Message == nil:
			leaves[at] = true
		case f.Collection == spec.List:
			for _, element := range value.([]any) {
				leavesOf(at, f.Message, element.(object), leaves)
			}
		case f.Collection == spec.Map:
			for _, element := range value.(object) {
				leavesOf(at, f.Message, element.(object), leaves)
			}
		default:
			leavesOf(at, f.Message, value.(object), leaves)
		}
	}
}

// lookup returns the value of the longest key with which path ends.
func lookup[T any](table map[string]T, path string) (found T) {
	for key := path; ; {
		if entry, ok := table[key]; ok {
			return entry
		}
		var more bool
		if _, key, more = strings.Cut(key, "."); !more {
			return found
		}
	}
}
