package spec

import (
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Error is a value that one side holds and the other cannot express.
type Error struct {
	Path path.Path
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("%s %v", e.Path, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// ErrUnknown is the error of a value that Terraform does not know yet.
var ErrUnknown = errors.New("is not known yet")

// Encode is the JSON object of value, an object that has at least m's attributes; those of other names are left alone.
// An error is of type *[Error].
func (m *Message) Encode(value tftypes.Value) (map[string]any, error) {
	return m.encode(path.Empty(), value, false)
}

// Canonical is Encode with one spelling for all values that mean the same, such as "60s" and "1m".
func (m *Message) Canonical(value tftypes.Value) (map[string]any, error) {
	return m.encode(path.Empty(), value, true)
}

func (m *Message) encode(at path.Path, value tftypes.Value, canonical bool) (map[string]any, error) {
	var attributes map[string]tftypes.Value
	if err := value.As(&attributes); err != nil {
		return nil, &Error{at, err}
	}
	object := make(map[string]any)
	for i := range m.Fields {
		f := &m.Fields[i]
		j, err := f.encode(at.AtName(f.Name), attributes[f.Name], canonical)
		if err != nil {
			return nil, err
		}
		if j != nil {
			object[f.JSON] = j
		}
	}
	return object, nil
}

func (f *Field) encode(at path.Path, value tftypes.Value, canonical bool) (any, error) {
	if !value.IsKnown() {
		return nil, &Error{at, ErrUnknown}
	}
	if value.IsNull() {
		return nil, nil
	}
	switch f.Collection {
	case List:
		var elements []tftypes.Value
		if err := value.As(&elements); err != nil {
			return nil, &Error{at, err}
		}
		list := make([]any, len(elements))
		for i, e := range elements {
			j, err := f.encodeElement(at.AtListIndex(i), e, canonical)
			if err != nil {
				return nil, err
			}
			list[i] = j
		}
		return list, nil
	case Map:
		var elements map[string]tftypes.Value
		if err := value.As(&elements); err != nil {
			return nil, &Error{at, err}
		}
		object := make(map[string]any, len(elements))
		for k, e := range elements {
			j, err := f.encodeElement(at.AtMapKey(k), e, canonical)
			if err != nil {
				return nil, err
			}
			object[k] = j
		}
		return object, nil
	}
	return f.encodeElement(at, value, canonical)
}

func (f *Field) encodeElement(at path.Path, value tftypes.Value, canonical bool) (any, error) {
	switch {
	case !value.IsKnown():
		return nil, &Error{at, ErrUnknown}
	case value.IsNull():
		return nil, &Error{at, errors.New("must not be null")}
	case f.Message != nil:
		return f.Message.encode(at, value, canonical)
	}
	j, err := f.Scalar.encodeValue(value)
	if err != nil {
		return nil, &Error{at, err}
	}
	if canonical && f.Scalar.canonical != nil {
		j = f.Scalar.canonical(j)
	}
	return j, nil
}
