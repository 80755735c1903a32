// Package describe contains Istio's own documentation of its API: the description of every message, field and enum value of the kinds that this
// provider knows, and the constraints of Istio's CRDs.
//
// The data is generated from the istio.io/api module: descriptions from the comments of its Go code, and constraints from its
// CustomResourceDefinitions.
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
	// Description is Markdown. Its first sentence can stand alone. All lines except the first are indented by two spaces, so that they stay in
	// the list item in which Terraform's documentation puts them.
	Description string `json:"description,omitempty"`
	// Deprecation says, in plain text, that the field is deprecated and what to use instead. It is empty if the field is not deprecated.
	Deprecation string `json:"deprecation,omitempty"`
	// Since is the first release of Istio that has the field, such as "1.32". It is empty if all supported releases have it.
	Since string `json:"since,omitempty"`
	// Reference is the URL of a message's section in Istio's reference. It is empty for fields and enum values.
	Reference string `json:"reference,omitempty"`
	// Constraints limit the field's value. For a list or map they limit the collection, and Element limits each element or map value.
	Constraints
	Element Constraints `json:"element,omitzero"`
}

// Constraints limit a value beyond its protobuf type. The zero value limits nothing, and nil means no limit. All limits are inclusive.
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
		panic("internal/describe/fields.json: " + err.Error()) // the file is embedded, and tests read it
	}
	return fields
})

// Of returns the documentation of the protobuf message, field or enum value with this full name, such as
// "istio.networking.v1alpha3.HTTPRoute.timeout". It returns the zero Field if there is none.
func Of(name protoreflect.FullName) Field { return fields()[name] }
