package spec

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Complete is value with all of m's attributes that are not known, or not wholly known, filled with values that they might turn out to be.
// The seed decides which: many seeds give many different ones.
func (m *Message) Complete(value tftypes.Value, seed uint64) tftypes.Value {
	if value.IsFullyKnown() {
		return value
	}
	c := completion{Rand: rand.New(rand.NewPCG(seed, 31))}
	_ = tftypes.Walk(value, func(at *tftypes.AttributePath, v tftypes.Value) (bool, error) {
		var s string
		if v.Type().Is(tftypes.String) && v.IsKnown() && !v.IsNull() && v.As(&s) == nil {
			c.seen = append(c.seen, s)
		}
		if key, ok := at.LastStep().(tftypes.ElementKeyString); ok {
			c.seen = append(c.seen, string(key))
		}
		return v.IsKnown(), nil
	})
	return c.message(m, value)
}

// completion makes values up. What is there beside them does not limit them: whoever judges the whole sees which go together.
type completion struct {
	*rand.Rand
	// seen are strings that are known: what is not may turn out to be the same, or to name the same thing.
	seen []string
	// made counts strings, so that two are the same by chance only.
	made int
}

func (c *completion) message(m *Message, value tftypes.Value) tftypes.Value {
	attributes := maps.Clone(members(value))
	for i := range m.Fields {
		f := &m.Fields[i]
		if v, ok := attributes[f.Name]; ok {
			attributes[f.Name] = c.field(f, v)
		}
	}
	return tftypes.NewValue(value.Type(), attributes)
}

func (c *completion) field(f *Field, value tftypes.Value) tftypes.Value {
	switch {
	case value.IsFullyKnown():
		return value
	case !value.IsKnown():
		return c.make(f)
	case f.Collection == List:
		list := slices.Clone(elements(value))
		for i := range list {
			list[i] = c.element(f, list[i])
		}
		return tftypes.NewValue(value.Type(), list)
	case f.Collection == Map:
		m := maps.Clone(members(value))
		for key := range m {
			m[key] = c.element(f, m[key])
		}
		return tftypes.NewValue(value.Type(), m)
	}
	return c.element(f, value)
}

func (c *completion) element(f *Field, value tftypes.Value) tftypes.Value {
	switch {
	case value.IsFullyKnown():
		return value
	case !value.IsKnown():
		return c.makeElement(f)
	}
	return c.message(f.Message, value)
}

// make makes a field's value up.
func (c *completion) make(f *Field) tftypes.Value {
	if !f.Required && c.IntN(3) == 0 {
		return tftypes.NewValue(f.Type(), nil)
	}
	n := c.IntN(3)
	switch f.Collection {
	case List:
		list := make([]tftypes.Value, n)
		for i := range list {
			list[i] = c.makeElement(f)
		}
		return tftypes.NewValue(f.Type(), list)
	case Map:
		m := make(map[string]tftypes.Value, n)
		for range n {
			m[c.string()] = c.makeElement(f)
		}
		return tftypes.NewValue(f.Type(), m)
	}
	return c.makeElement(f)
}

func (c *completion) makeElement(f *Field) tftypes.Value {
	if f.Message != nil {
		return c.makeMessage(f.Message)
	}
	limits := f.Constraints
	if f.Collection != One {
		limits = f.Element
	}
	s := f.Scalar
	switch {
	case s.Type == types.BoolType:
		return tftypes.NewValue(tftypes.Bool, c.IntN(2) == 0)
	case s.Type == types.NumberType:
		n := s.wholeNumber(limits)
		return tftypes.NewValue(tftypes.Number, max(n.low, min(n.high, one(c, numbers))))
	case s.Type == types.Float64Type:
		return tftypes.NewValue(tftypes.Number, one(c, []float64{0, 0.5, 1, 50, 100}))
	case s.Values != nil:
		return tftypes.NewValue(tftypes.String, one(c, s.Values))
	case s.Validator != nil: // bytes
		return tftypes.NewValue(tftypes.String, one(c, []string{"", "YQ=="}))
	case s.Type != types.StringType:
		return tftypes.NewValue(tftypes.String, one(c, []string{"1ms", "1s", "1h"}))
	}
	made := c.string()
	for f.Plausible != nil && !f.Plausible(made) {
		made = c.string()
	}
	return tftypes.NewValue(tftypes.String, made)
}

// makeMessage makes an object up, with few of its optional attributes.
func (c *completion) makeMessage(m *Message) tftypes.Value {
	attributes := make(map[string]tftypes.Value, len(m.Fields))
	for i := range m.Fields {
		f := &m.Fields[i]
		attributes[f.Name] = tftypes.NewValue(f.Type(), nil)
		if f.Required || c.IntN(len(m.Fields)+2) < 2 {
			attributes[f.Name] = c.make(f)
		}
	}
	for _, names := range m.OneOfs {
		for i, keep := 0, c.IntN(len(names)); i < len(names); i++ {
			if i != keep {
				attributes[names[i]] = tftypes.NewValue(attributes[names[i]].Type(), nil)
			}
		}
	}
	return tftypes.NewValue(m.Type(), attributes)
}

var (
	// numbers are small ones, and those of ports, statuses and sizes.
	numbers = []int64{0, 1, 2, 50, 80, 100, 200, 443, 503, 8080, 65535, 1 << 20, 1 << 40}
	// forms are those that strings have in Istio's API. %d makes them distinct.
	forms = []string{
		"", "*", ".", "name%d", "a%d.example.com", "*.a%d.example.com", "name%d/a.example.com", "/path%d", "unix:///path%d",
		"10.0.0.%d", "10.0.%d.0/24", "2001:db8::%d", "HTTP", "HTTPS", "TCP", "TLS", "region%d", "region%d/zone/*", "x-header%d",
	}
)

func (c *completion) string() string {
	if len(c.seen) > 0 && c.IntN(4) == 0 {
		return one(c, c.seen)
	}
	form := one(c, forms)
	c.made++
	if i := slices.Index([]byte(form), '%'); i < 0 {
		return form
	}
	return fmt.Sprintf(form, c.made%250)
}

func one[T any](c *completion, all []T) T { return all[c.IntN(len(all))] }
