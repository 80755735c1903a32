// Package spec describes a resource as a tree of fields, and derives everything from that tree: the Terraform schema, the encoding of values for
// Terraform and as Kubernetes' JSON, and validation with paths.
//
// A value has the same representation for both. An object is a map[string]any with the names of Kubernetes' JSON, a list is a []any, and a map
// is a map[string]any with its own keys. A scalar is a string, a bool, an int64, a float64, or a *big.Float for other numbers. Values that are
// null in Terraform are absent. An explicit zero, false, "" or [] is a value like any other. [Unknown] represents values that Terraform does not
// know yet. Trees are shared and never changed.
//
// The tree of an Istio kind comes from its protobuf descriptor ([FromDescriptor]). A kind without one lists its fields itself.
package spec

import (
	"slices"
	"strings"
	"sync"

	"github.com/magneticio/terraform-provider-lamia/internal/describe"
)

// Message is an object: a nested attribute in Terraform, an object in JSON.
type Message struct {
	Fields []Field
	// Partial means that JSON objects have more fields, which Terraform does not manage.
	Partial bool
	// OmitsEmpty means that the API server does not store "", false, [] and {}. The state keeps them.
	OmitsEmpty bool
	// OneOfs are groups of field names of which at most one may be set.
	OneOfs [][]string

	once   sync.Once
	byName map[string]*Field
	byJSON map[string]*Field
	sorted []*Field // by name
}

// Field is a member of a Message.
type Field struct {
	Name string // in Terraform, in snake_case
	JSON string // in Kubernetes, in camelCase

	describe.Field // description and constraints
	Required       bool
	Computed       bool // the provider can set it; unless Configurable, only the provider can
	Configurable   bool
	// Immutable fields cannot change: the object is replaced.
	Immutable bool

	Collection Collection
	Scalar     Scalar   // of the value or of a collection's elements, unless
	Message    *Message // the value or the elements are messages
	// Void means that an empty object has no effect.
	Void bool
	// CheckKey returns what is wrong with a key of a map, or "". Nil means that all keys are allowed.
	CheckKey func(key string) string

	// Filled reports whether value may be a default of the API server, in an object that is otherwise in. The state omits such a value unless it
	// already has the field. Nil means that the server sets no default.
	Filled func(value any, in map[string]any) bool
}

// Collection says how many values a field holds.
type Collection int

const (
	One  Collection = iota
	List            // in order
	Map             // by string key
)

type unknown struct{}

func (unknown) String() string { return "(known after apply)" }

// Unknown is a value that Terraform does not know yet.
var Unknown any = unknown{}

// Known reports whether a tree contains no unknown value.
func Known(tree any) bool {
	switch v := tree.(type) {
	case unknown:
		return false
	case map[string]any:
		for _, member := range v {
			if !Known(member) {
				return false
			}
		}
	case []any:
		return !slices.ContainsFunc(v, func(element any) bool { return !Known(element) })
	}
	return true
}

// Rename changes the name of the i-th field in Terraform. It must be called before m is used.
func (m *Message) Rename(i int, name string) {
	for _, names := range m.OneOfs {
		for j := range names {
			if names[j] == m.Fields[i].Name {
				names[j] = name
			}
		}
	}
	m.Fields[i].Name = name
}

// Unfilled returns m without Filled, so that defaults of the API server are values like any other.
func (m *Message) Unfilled() *Message {
	all := &Message{Partial: m.Partial, OmitsEmpty: m.OmitsEmpty, OneOfs: m.OneOfs}
	for _, f := range m.Fields {
		f.Filled = nil
		if f.Message != nil {
			f.Message = f.Message.Unfilled()
		}
		all.Fields = append(all.Fields, f)
	}
	return all
}

func (m *Message) index() {
	m.once.Do(func() {
		m.byName, m.byJSON = make(map[string]*Field, len(m.Fields)), make(map[string]*Field, len(m.Fields))
		for i := range m.Fields {
			f := &m.Fields[i]
			m.byName[f.Name], m.byJSON[f.JSON] = f, f
			m.sorted = append(m.sorted, f)
		}
		slices.SortFunc(m.sorted, func(a, b *Field) int { return strings.Compare(a.Name, b.Name) })
	})
}

// Named returns the field with this name in Terraform, or nil.
func (m *Message) Named(name string) *Field {
	m.index()
	return m.byName[name]
}

// stored returns the field with this key in JSON. Like protobuf, it also accepts the protobuf name, because Istio's CRD has mirror_percent under
// both names.
func (m *Message) stored(key string) *Field {
	m.index()
	if f, ok := m.byJSON[key]; ok {
		return f
	}
	return m.byName[key]
}
