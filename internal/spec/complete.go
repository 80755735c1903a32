package spec

import (
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Completions are value with all of m's attributes that are not known, or not wholly known, filled with values that they might turn out to be,
// in many ways; value itself, once, if all is known. The first [Guesses] leave it to chance. The others see to it that each string takes the
// value of each other string that is known: it may have to be the name of something. Of strings there may be thousands.
func (m *Message) Completions(value tftypes.Value) iter.Seq[tftypes.Value] {
	return func(yield func(tftypes.Value) bool) {
		if value.IsFullyKnown() {
			yield(value)
			return
		}
		seen := stringsIn(value)
		turns := 16 // at least: who knows what else has to come together by chance
		for seed := range uint64(Guesses) {
			c := newCompletion(seed, seen)
			completed := c.message(m, value)
			turns = max(turns, c.made)
			if !yield(completed) {
				return
			}
		}
		for i := range len(seen) * turns {
			c := newCompletion(uint64(Guesses+i), seen)
			c.turn, c.wanted = i/len(seen), seen[i%len(seen)]
			if !yield(c.message(m, value)) {
				return
			}
		}
	}
}

// Guesses is how many of the [Message.Completions] are left to chance.
const Guesses = 256

// Complete is one of the completions that are left to chance. The seed decides which.
func (m *Message) Complete(value tftypes.Value, seed uint64) tftypes.Value {
	return newCompletion(seed, stringsIn(value)).message(m, value)
}

// stringsIn are those that are known in value.
func stringsIn(value tftypes.Value) (seen []string) {
	_ = tftypes.Walk(value, func(at *tftypes.AttributePath, v tftypes.Value) (bool, error) {
		var s string
		if v.Type().Is(tftypes.String) && v.IsKnown() && !v.IsNull() && v.As(&s) == nil {
			seen = append(seen, s)
		}
		if key, ok := at.LastStep().(tftypes.ElementKeyString); ok {
			seen = append(seen, string(key))
		}
		return v.IsKnown(), nil
	})
	slices.Sort(seen)
	return slices.Compact(seen)
}

// completion makes values up. What is there beside them does not limit them: whoever judges the whole sees which go together.
type completion struct {
	*rand.Rand
	// seen are strings that are known: what is not may turn out to be the same, or to name the same thing.
	seen []string
	// reuse takes half of the unknown strings from seen.
	reuse bool
	// dense makes small objects with all of their attributes.
	dense bool
	// chosen are the choices that all values of a field follow; nil, if each is on its own.
	chosen map[*Field]int
	// made counts strings, so that two are the same by chance only. The one whose turn it is becomes the one that is wanted.
	made, turn int
	wanted     string
}

func newCompletion(seed uint64, seen []string) *completion {
	c := &completion{Rand: rand.New(rand.NewPCG(seed, 31)), seen: seen, turn: -1}
	c.reuse, c.dense = len(seen) > 0 && c.IntN(2) == 0, c.IntN(2) == 0
	if c.IntN(2) == 0 {
		c.chosen = make(map[*Field]int)
	}
	return c
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
	if !f.Required && !c.dense && c.IntN(3) == 0 {
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
			m[c.string(f)] = c.makeElement(f)
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
		return tftypes.NewValue(tftypes.Number, max(n.low, min(n.high, one(c, f, numbers))))
	case s.Type == types.Float64Type:
		return tftypes.NewValue(tftypes.Number, one(c, f, []float64{0, 0.5, 1, 50, 100}))
	case s.Values != nil:
		return tftypes.NewValue(tftypes.String, one(c, f, s.Values))
	case s.Validator != nil: // bytes
		return tftypes.NewValue(tftypes.String, one(c, f, []string{"", "YQ=="}))
	case s.Type != types.StringType:
		return tftypes.NewValue(tftypes.String, one(c, f, []string{"1ms", "1s", "1h"}))
	}
	made := c.string(f)
	if f.Plausible != nil && !f.Plausible(made) {
		made = fmt.Sprint("name", c.made)
	}
	return tftypes.NewValue(tftypes.String, made)
}

// makeMessage makes an object up, with few of its optional attributes: of large ones, about four.
func (c *completion) makeMessage(m *Message) tftypes.Value {
	attributes := make(map[string]tftypes.Value, len(m.Fields))
	for i := range m.Fields {
		f := &m.Fields[i]
		attributes[f.Name] = tftypes.NewValue(f.Type(), nil)
		if f.Required || c.IntN(len(m.Fields)+2) < 2 || c.dense && c.IntN(len(m.Fields)) < 4 {
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

func (c *completion) string(f *Field) string {
	c.made++
	if c.made-1 == c.turn {
		return c.wanted
	}
	if c.reuse && c.IntN(2) == 0 {
		return one(c, f, c.seen)
	}
	form := one(c, f, forms)
	if !slices.Contains([]byte(form), '%') {
		return form
	}
	return fmt.Sprintf(form, c.made%250)
}

func one[T any](c *completion, f *Field, all []T) T {
	i := c.Int()
	if c.chosen != nil {
		if chosen, ok := c.chosen[f]; ok {
			i = chosen
		}
		c.chosen[f] = i
	}
	return all[i%len(all)]
}
