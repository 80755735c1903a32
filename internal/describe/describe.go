// Package describe holds what Istio itself says about its API: the description
// of every message, field and enum value of the kinds that this provider knows, and
// the constraints that Istio's CRDs put on them.
//
// The data is generated from the istio.io/api module: descriptions from the
// comments of its Go code, constraints from its CustomResourceDefinitions.
package describe

import (
	_ "embed"
	"encoding/json"
	"sync"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
)

//go:generate go run ./generate

// Field describes a protobuf message, field or enum value.
type Field struct {
	// Description is Markdown. Its first sentence stands alone. Lines after the
	// first are indented by two spaces, so that they stay in the list item
	// in which Terraform's documentation puts them.
	Description string `json:"description,omitempty"`
	// Deprecation is empty, or says that the field is deprecated and what to use
	// instead. Plain text.
	Deprecation string `json:"deprecation,omitempty"`
	// Since is the first release of Istio that has the field, such as "1.32"; empty, if all that can still be met have it.
	Since string `json:"since,omitempty"`
	// Reference is the URL of the section of Istio's reference on a message; empty for fields and enum values.
	Reference string `json:"reference,omitempty"`
	// Constraints limit the field's value; of a list or a map they limit the
	// collection, and Element limits each element or map value.
	Constraints
	Element Constraints `json:"element,omitzero"`
}

// Constraints limit a value beyond its protobuf type. The zero value limits nothing;
// a nil limit is absent. All limits are inclusive.
type Constraints struct {
	// Minimum and Maximum limit a number.
	Minimum *int64 `json:"minimum,omitempty"`
	Maximum *int64 `json:"maximum,omitempty"`
	// MaxLength limits a string, in Unicode code points.
	MaxLength *int64 `json:"maxLength,omitempty"`
	// MinItems and MaxItems limit a list.
	MinItems *int64 `json:"minItems,omitempty"`
	MaxItems *int64 `json:"maxItems,omitempty"`
	// MaxProperties limits a map.
	MaxProperties *int64 `json:"maxProperties,omitempty"`
	// MinDuration limits a google.protobuf.Duration.
	MinDuration time.Duration `json:"minDuration,omitempty"`
}

//go:embed fields.json
var data []byte

var fields = sync.OnceValue(func() map[protoreflect.FullName]Field {
	var fields map[protoreflect.FullName]Field
	if err := json.Unmarshal(data, &fields); err != nil {
		panic("internal/describe/fields.json: " + err.Error()) // embedded, and read by the tests
	}
	return fields
})

// Of returns what is known of the protobuf message, field or enum value of this
// full name, such as "istio.networking.v1alpha3.HTTPRoute.timeout"; the
// zero Field when there is nothing.
func Of(name protoreflect.FullName) Field { return fields()[name] }
