// Package spec holds the spec of a Kubernetes object as a tree of fields, and the one walk over that tree: it makes the
// Terraform schema, encodes a Terraform value to Kubernetes JSON and decodes Kubernetes JSON to a Terraform value.
//
// The tree of an Istio kind comes from its protobuf descriptor ([FromDescriptor]); a kind without one writes it down.
// Null means absent; an explicit zero, false, "" or [] is a value like any other, in both directions.
package spec

import (
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/magneticio/terraform-provider-lamia/internal/describe"
)

// Message is an object: a nested attribute in Terraform, an object in JSON.
type Message struct {
	Fields []Field
	// Partial means that JSON objects hold more than Fields: what is not listed is not Terraform's.
	Partial bool
	// OmitsEmpty means that the API server stores no "", [] and {}. They stay what Terraform knows all the same.
	OmitsEmpty bool
	// OneOfs are groups of field names of which at most one may be set.
	OneOfs [][]string
	// Validators validate the object as a whole.
	Validators []validator.Object

	once  sync.Once
	cache tftypes.Object
}

// Field is one member of a Message.
type Field struct {
	Name string // in Terraform, snake_case
	JSON string // in Kubernetes, camelCase

	describe.Field // its description and constraints
	Required       bool
	// Immutable fields cannot change on an existing object: it is replaced.
	Immutable bool

	Collection Collection
	Scalar     Scalar   // of the value, or of a collection's elements, unless
	Message    *Message // the value or the elements are messages

	// Filled reports whether the API server may have set value by itself, in an object that is otherwise in. Such a value is
	// nobody's wish: it is left out of the state unless the state holds the field already. Nil: the server fills in nothing.
	Filled func(value any, in map[string]any) bool
	// Plausible reports whether a string that is made up may stand for an unknown one ([Message.Complete]). Nil: any may.
	Plausible func(string) bool
}

// Collection says how many values a field holds.
type Collection int

const (
	One  Collection = iota
	List            // in order
	Map             // by string key
)

// Type is the Terraform type of the message's values.
func (m *Message) Type() tftypes.Object {
	m.once.Do(func() {
		m.cache.AttributeTypes = make(map[string]tftypes.Type, len(m.Fields))
		for i := range m.Fields {
			m.cache.AttributeTypes[m.Fields[i].Name] = m.Fields[i].Type()
		}
	})
	return m.cache
}

// Type is the Terraform type of the field's values.
func (f *Field) Type() tftypes.Type {
	switch f.Collection {
	case List:
		return tftypes.List{ElementType: f.elementType()}
	case Map:
		return tftypes.Map{ElementType: f.elementType()}
	}
	return f.elementType()
}

func (f *Field) elementType() tftypes.Type {
	if f.Message != nil {
		return f.Message.Type()
	}
	return f.Scalar.terraformType()
}

// Leaves counts the attributes below m that hold no further attributes.
func (m *Message) Leaves() int {
	n := 0
	for _, f := range m.Fields {
		if f.Message != nil {
			n += f.Message.Leaves()
		} else {
			n++
		}
	}
	return n
}
