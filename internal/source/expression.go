package source

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
)

// unwrap returns the expression in parentheses, or in a template or JSON string that has only one interpolation.
func unwrap(e hcl.Expression) hcl.Expression {
	for {
		switch inner := e.(type) {
		case *hclsyntax.ParenthesesExpr:
			e = inner.Expression
		case *hclsyntax.TemplateWrapExpr:
			e = inner.Wrapped
		default:
			text, ok := jsonText(e)
			if !ok || !isTemplate(text) {
				return e
			}
			at := e.Range()
			template, diags := hclsyntax.ParseTemplate([]byte(text), at.Filename,
				hcl.Pos{Line: at.Start.Line, Column: at.Start.Column + 1, Byte: at.Start.Byte + 1})
			if diags.HasErrors() {
				return e
			}
			e = template
		}
	}
}

func isTemplate(text string) bool {
	return strings.Contains(text, "${") || strings.Contains(text, "%{")
}

// jsonText returns the text of a JSON string, as written.
func jsonText(e hcl.Expression) (string, bool) {
	if !hcljson.IsJSONExpression(e) {
		return "", false
	}
	v, diags := e.Value(nil)
	if diags.HasErrors() || v.IsNull() || v.Type() != cty.String {
		return "", false
	}
	return v.AsString(), true
}

// constant returns the value of a literal: a string, a number, a bool or null.
func constant(e hcl.Expression) (cty.Value, bool) {
	e = unwrap(e)
	if text, ok := jsonText(e); ok && isTemplate(text) {
		return cty.NilVal, false
	}
	v, diags := e.Value(nil)
	if diags.HasErrors() || !v.IsKnown() || !v.Type().IsPrimitiveType() && !v.IsNull() {
		return cty.NilVal, false
	}
	return v, true
}

// isNull reports whether e is certainly null.
func isNull(e hcl.Expression) bool {
	v, ok := constant(e)
	return ok && v.IsNull()
}

// item is a key of a literal object, and its value.
type item struct {
	name  string
	at    hcl.Range
	value hcl.Expression
}

// object returns the items of a literal object, except those whose keys are not literals. It returns false if e is not a literal object.
func object(e hcl.Expression) (items []item, complete, ok bool) {
	pairs, diags := hcl.ExprMap(e)
	if diags.HasErrors() {
		return nil, false, false
	}
	for _, pair := range pairs {
		name, diags := pair.Key.Value(nil)
		if diags.HasErrors() || !name.IsKnown() || name.IsNull() || name.Type() != cty.String ||
			hcljson.IsJSONExpression(e) && isTemplate(name.AsString()) {
			continue
		}
		items = append(items, item{name.AsString(), pair.Key.Range(), pair.Value})
	}
	return items, len(items) == len(pairs), true
}

// list returns the elements of a literal list.
func list(e hcl.Expression) ([]hcl.Expression, bool) {
	elements, diags := hcl.ExprList(e)
	return elements, !diags.HasErrors()
}

// call returns the name of the function that e calls, without the prefix core::, and its arguments.
func call(e hcl.Expression) (string, *hclsyntax.FunctionCallExpr) {
	f, ok := e.(*hclsyntax.FunctionCallExpr)
	if !ok {
		return "", nil
	}
	return strings.TrimPrefix(f.Name, "core::"), f
}
