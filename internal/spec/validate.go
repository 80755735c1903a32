package spec

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/magneticio/terraform-provider-lamia/internal/describe"
)

// Validate checks the types, choices and limits of a configuration of m, and warns about deprecated attributes. Unknown values are valid.
func (m *Message) Validate(tree map[string]any) diag.Diagnostics {
	var v validator
	v.message(m, tree)
	return v.diagnostics
}

type validator struct {
	at          steps
	diagnostics diag.Diagnostics
}

func (v *validator) fail(summary, format string, args ...any) {
	v.diagnostics.AddAttributeError(v.at.path(), summary, fmt.Sprintf(format, args...))
}

func (v *validator) message(m *Message, tree map[string]any) {
	m.index()
	for i := range m.Fields {
		f := &m.Fields[i]
		value := tree[f.JSON]
		if value == nil && !f.Required || value == Unknown {
			continue
		}
		v.at.push(member(f, f.JSON))
		if value == nil {
			v.fail("Missing Required Attribute", "The attribute %s is required. Set it.", f.Name)
		} else {
			if f.Deprecation != "" {
				v.diagnostics.AddAttributeWarning(v.at.path(), "Attribute Deprecated", f.Deprecation)
			}
			v.field(f, value)
		}
		v.at.pop()
	}
	for _, names := range m.OneOfs {
		v.oneOf(m, names, tree)
	}
}

// oneOf allows at most one of these attributes. It ignores unknown values, which may become null.
func (v *validator) oneOf(m *Message, names []string, tree map[string]any) {
	var set []string
	for _, name := range names {
		if value := tree[m.byName[name].JSON]; value != nil && value != Unknown {
			set = append(set, name)
		}
	}
	if len(set) < 2 {
		return
	}
	v.at.push(member(m.byName[set[1]], ""))
	v.fail("Too Many Attributes Set", "Only one of %s can be set, but %s are. Remove all but one.", strings.Join(names, ", "), strings.Join(set, " and "))
	v.at.pop()
}

func (v *validator) field(f *Field, value any) {
	switch f.Collection {
	case List:
		list, _ := value.([]any)
		if f.MinItems != nil && int64(len(list)) < *f.MinItems {
			v.fail("Too Few Elements", "The list has %d elements, but needs at least %d.", len(list), *f.MinItems)
		}
		if f.MaxItems != nil && int64(len(list)) > *f.MaxItems {
			v.fail("Too Many Elements", "The list has %d elements, but can have at most %d.", len(list), *f.MaxItems)
		}
		for i := range list {
			v.at.push(index(i))
			v.element(f, list[i])
			v.at.pop()
		}
	case Map:
		object, _ := value.(map[string]any)
		if f.MaxProperties != nil && int64(len(object)) > *f.MaxProperties {
			v.fail("Too Many Elements", "The map has %d elements, but can have at most %d.", len(object), *f.MaxProperties)
		}
		for _, key := range slices.Sorted(maps.Keys(object)) {
			v.at.push(mapKey(key))
			if f.CheckKey != nil {
				if problem := f.CheckKey(key); problem != "" {
					v.fail("Invalid Key", "The key %q is invalid: %s.", key, problem)
				}
			}
			v.element(f, object[key])
			v.at.pop()
		}
	default:
		v.element(f, value)
	}
}

func (v *validator) element(f *Field, value any) {
	switch value {
	case nil:
		v.fail("Null Value", "An element is null. Remove it or set a value.")
		return
	case Unknown:
		return
	}
	if f.Message != nil {
		object, _ := value.(map[string]any)
		v.message(f.Message, object)
		return
	}
	if problem := f.outOfRange(value, f.limits()); problem != "" {
		v.fail("Invalid Number", "The value %s.", problem)
		return
	}
	if s, ok := value.(string); ok {
		v.string(f, s)
	}
}

func (v *validator) string(f *Field, s string) {
	limits := f.limits()
	if f.Scalar.Values != nil && !slices.Contains(f.Scalar.Values, s) {
		v.fail("Invalid Value", "%q is not allowed here. Use one of %s.", s, strings.Join(f.Scalar.Values, ", "))
	}
	if f.Scalar.Check != nil {
		if problem := f.Scalar.Check(s); problem != nil {
			v.fail(problem.Summary, "%s", problem.Detail)
		}
	}
	if n := utf8.RuneCountInString(s); limits.MaxLength != nil && int64(n) > *limits.MaxLength {
		v.fail("Value Too Long", "The value has %d characters, but can have at most %d.", n, *limits.MaxLength)
	}
	if limits.MinDuration != 0 {
		if d, err := time.ParseDuration(s); err == nil && d < limits.MinDuration { // otherwise Check has reported it
			v.fail("Duration Too Short", "The duration %s is too short. Use at least %s.", s, limits.MinDuration)
		}
	}
}

// limits returns the limits of the value, or of a collection's elements.
func (f *Field) limits() describe.Constraints {
	if f.Collection == One {
		return f.Constraints
	}
	return f.Element
}

// within returns the smallest and the largest integer that is allowed.
func (s *Scalar) within(limits describe.Constraints) (low, high int64) {
	low, high = s.Min, s.Max
	if limits.Minimum != nil {
		low = max(low, *limits.Minimum)
	}
	if limits.Maximum != nil {
		high = min(high, *limits.Maximum)
	}
	return low, high
}

// outOfRange returns what is wrong with a number, or "".
func (f *Field) outOfRange(value any, limits describe.Constraints) string {
	switch f.Scalar.Type {
	case IntegerType:
		low, high := f.Scalar.within(limits)
		if n, ok := value.(int64); !ok || n < low || n > high {
			return fmt.Sprintf("is %s, but must be a whole number from %d to %d", formatNumber(value), low, high)
		}
	case FloatType:
		var n float64
		switch v := encodeFloat(value).(type) {
		case int64:
			n = float64(v)
		case float64:
			n = v
		}
		switch {
		case limits.Minimum != nil && n < float64(*limits.Minimum):
			return fmt.Sprintf("is %s, but must be at least %d", formatNumber(value), *limits.Minimum)
		case limits.Maximum != nil && n > float64(*limits.Maximum):
			return fmt.Sprintf("is %s, but must be at most %d", formatNumber(value), *limits.Maximum)
		case math.IsInf(n, 0):
			return fmt.Sprintf("is %s, which is out of the range of a 64-bit floating-point number", formatNumber(value))
		}
	}
	return ""
}
