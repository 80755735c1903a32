package source

import (
	"math/big"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// Find returns the blocks of a type that can have this value, an object: the value matches all their literals, and is null where they have no
// argument. Terraform does not tell a provider which block a request is about.
func (c *Configuration) Find(typ string, value tftypes.Value) []*Block {
	attributes := make(map[string]tftypes.Value)
	if value.As(&attributes) != nil {
		return nil
	}
	candidates := c.blocks[kind{typ: typ}]
	var name string
	if v := attributes["name"]; v.Type() != nil && v.IsKnown() && v.As(&name) == nil && name != "" {
		candidates = slices.Concat(candidates, c.blocks[kind{typ, name}])
	}
	return slices.DeleteFunc(slices.Clone(candidates), func(b *Block) bool { return !b.agrees(attributes) })
}

// Typed returns all blocks of a type.
func (c *Configuration) Typed(typ string) (all []*Block) {
	for k, blocks := range c.blocks {
		if k.typ == typ {
			all = append(all, blocks...)
		}
	}
	return all
}

// Named returns the blocks of a type that can be those of the object with this namespace and name, whatever else they contain.
func (c *Configuration) Named(typ, namespace, name string) []*Block {
	candidates := slices.Concat(c.blocks[kind{typ: typ}], c.blocks[kind{typ, name}])
	return slices.DeleteFunc(candidates, func(b *Block) bool {
		e, given := b.arguments["namespace"] // the default is the provider's namespace
		return given && !isNull(e) && !agrees(e, tftypes.NewValue(tftypes.String, namespace))
	})
}

// Keys returns the literal keys of an argument that is a map.
func (b *Block) Keys(argument string) (keys []string) {
	if e := b.arguments[argument]; e != nil {
		items, _, _ := object(unwrap(e))
		for _, i := range items {
			keys = append(keys, i.name)
		}
	}
	return keys
}

func (b *Block) agrees(attributes map[string]tftypes.Value) bool {
	for name, v := range attributes {
		e, given := b.arguments[name]
		switch {
		case !given && !v.IsNull():
			return false
		case !given:
		case !v.IsKnown():
			if _, ok := constant(e); ok {
				return false
			}
		case !agrees(e, v):
			return false
		}
	}
	return true
}

// agrees reports whether e can have the value v.
func agrees(e hcl.Expression, v tftypes.Value) bool {
	if !v.IsKnown() {
		return true
	}
	e = unwrap(e)
	if literal, ok := constant(e); ok {
		return equal(literal, v)
	}
	if items, complete, ok := object(e); ok {
		return objectAgrees(items, complete, v)
	}
	if literals, ok := list(e); ok {
		var elements []tftypes.Value
		if v.IsNull() || v.As(&elements) != nil || len(elements) != len(literals) {
			return false
		}
		for i := range literals {
			if !v.Type().Is(tftypes.Set{}) && !agrees(literals[i], elements[i]) {
				return false
			}
		}
	}
	return true
}

func objectAgrees(items []item, complete bool, v tftypes.Value) bool {
	members := make(map[string]tftypes.Value)
	if v.IsNull() || v.As(&members) != nil {
		return false
	}
	seen := make(map[string]bool)
	for _, i := range items {
		m, ok := members[i.name]
		if ok && !agrees(i.value, m) || !ok && v.Type().Is(tftypes.Map{}) {
			return false
		}
		seen[i.name] = true
	}
	for name, m := range members {
		if complete && !seen[name] && !m.IsNull() {
			return false
		}
	}
	return true
}

// equal reports whether v, which is known, is the value to which Terraform converts a literal.
func equal(literal cty.Value, v tftypes.Value) bool {
	if literal.IsNull() || v.IsNull() {
		return literal.IsNull() && v.IsNull()
	}
	switch {
	case v.Type().Is(tftypes.String):
		var text string
		as, err := convert.Convert(literal, cty.String)
		return err == nil && v.As(&text) == nil && as.AsString() == text
	case v.Type().Is(tftypes.Number):
		var n big.Float
		as, err := convert.Convert(literal, cty.Number)
		return err == nil && v.As(&n) == nil && as.AsBigFloat().Cmp(&n) == 0
	case v.Type().Is(tftypes.Bool):
		var b bool
		as, err := convert.Convert(literal, cty.Bool)
		return err == nil && v.As(&b) == nil && as.True() == b
	}
	return false
}
