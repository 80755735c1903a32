package source

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Place returns where the value at a path is written, or the innermost value around it that can be located. It returns false if only the
// argument can be located.
func (b *Block) Place(path *tftypes.AttributePath) (hcl.Range, bool) {
	steps := path.Steps()
	if len(steps) == 0 {
		return hcl.Range{}, false
	}
	name, ok := steps[0].(tftypes.AttributeName)
	e := b.arguments[string(name)]
	if !ok || e == nil {
		return hcl.Range{}, false
	}
	argument := e
	for _, step := range steps[1:] {
		inner := in(e, step)
		if inner == nil {
			break
		}
		e = inner
	}
	return e.Range(), e != argument
}

// in returns the expression of the member or element at a step in another expression, or nil if it cannot be found.
func in(e hcl.Expression, step tftypes.AttributePathStep) hcl.Expression {
	e = unwrap(e)
	if c, ok := e.(*hclsyntax.ConditionalExpr); ok {
		switch {
		case isNull(c.TrueResult):
			return in(c.FalseResult, step)
		case isNull(c.FalseResult):
			return in(c.TrueResult, step)
		}
		return nil
	}
	switch step := step.(type) {
	case tftypes.AttributeName:
		return member(e, string(step))
	case tftypes.ElementKeyString:
		return member(e, string(step))
	case tftypes.ElementKeyInt:
		return element(e, int(step))
	}
	return nil
}

func member(e hcl.Expression, name string) hcl.Expression {
	if f, ok := e.(*hclsyntax.ForExpr); ok && f.KeyExpr != nil && !f.Group {
		return f.ValExpr
	}
	if function, f := call(e); function == "merge" && !f.ExpandFinal {
		for i := len(f.Args) - 1; i >= 0; i-- { // the last one takes precedence
			arg := unwrap(f.Args[i])
			_, complete, ok := object(arg)
			if found := member(arg, name); found != nil || !ok || !complete {
				return found
			}
		}
		return nil
	}
	items, complete, _ := object(e)
	if !complete {
		return nil
	}
	for _, i := range items {
		if i.name == name {
			return i.value
		}
	}
	return nil
}

func element(e hcl.Expression, i int) hcl.Expression {
	if f, ok := e.(*hclsyntax.ForExpr); ok && f.KeyExpr == nil {
		return f.ValExpr
	}
	if function, f := call(e); function == "concat" && !f.ExpandFinal {
		for _, arg := range f.Args {
			elements, ok := list(unwrap(arg))
			switch {
			case !ok:
				return nil
			case i < len(elements):
				return elements[i]
			}
			i -= len(elements)
		}
		return nil
	}
	if elements, ok := list(e); ok && i < len(elements) {
		return elements[i]
	}
	return nil
}

// Position returns where a range begins, such as "main.tf:12:7".
func Position(r hcl.Range) string {
	return fmt.Sprintf("%s:%d:%d", r.Filename, r.Start.Line, r.Start.Column)
}
