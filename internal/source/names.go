package source

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Lost is a name in a literal object that the schema lacks, so that Terraform drops it with its value.
type Lost struct {
	Name     string
	At       hcl.Range // of the name
	Argument string    // of the block
	In       string    // the object, such as "http[0].retries"
	Nearest  string    // the most similar name in the schema, or ""
	Names    []string  // all names in the schema
}

// LostNames returns the lost names of the block. schema has the types of its arguments.
func (b *Block) LostNames(schema tftypes.Object) []Lost {
	var w lostWalk
	for _, name := range slices.Sorted(maps.Keys(b.arguments)) {
		if t, ok := schema.AttributeTypes[name]; ok {
			w.argument = name
			w.value(name, b.arguments[name], t)
		}
	}
	return w.lost
}

type lostWalk struct {
	argument string
	lost     []Lost
}

// value searches for lost names in the literal parts of an expression whose value has type t.
func (w *lostWalk) value(at string, e hcl.Expression, t tftypes.Type) {
	e = unwrap(e)
	switch inner := e.(type) {
	case *hclsyntax.ConditionalExpr:
		w.value(at, inner.TrueResult, t)
		w.value(at, inner.FalseResult, t)
		return
	case *hclsyntax.ForExpr:
		w.each(at, inner, t)
		return
	case *hclsyntax.FunctionCallExpr:
		w.call(at, inner, t)
		return
	}
	switch t := t.(type) {
	case tftypes.Object:
		w.object(at, e, t)
	case tftypes.Map:
		items, _, _ := object(e)
		for _, i := range items {
			w.value(fmt.Sprintf("%s[%q]", at, i.name), i.value, t.ElementType)
		}
	default:
		if element := elementType(t); element != nil {
			elements, _ := list(e)
			for i, e := range elements {
				w.value(fmt.Sprintf("%s[%d]", at, i), e, element)
			}
		}
	}
}

func (w *lostWalk) object(at string, e hcl.Expression, t tftypes.Object) {
	items, _, _ := object(e)
	for _, i := range items {
		if attribute, ok := t.AttributeTypes[i.name]; ok {
			w.value(at+"."+i.name, i.value, attribute)
			continue
		}
		if i.name == "//" && hcljson.IsJSONExpression(e) { // a comment in a JSON configuration
			continue
		}
		names := slices.Sorted(maps.Keys(t.AttributeTypes))
		w.lost = append(w.lost, Lost{Name: i.name, At: i.at, Argument: w.argument, In: at, Nearest: nearest(i.name, names), Names: names})
	}
}

// each searches in a for expression.
func (w *lostWalk) each(at string, e *hclsyntax.ForExpr, t tftypes.Type) {
	if e.KeyExpr == nil {
		if element := elementType(t); element != nil {
			w.value(at+"[*]", e.ValExpr, element)
		}
		return
	}
	if m, ok := t.(tftypes.Map); ok {
		element := m.ElementType
		if e.Group {
			element = elementType(element)
		}
		if element != nil {
			w.value(at+"[*]", e.ValExpr, element)
		}
	}
}

// call searches in a call of a function whose result contains the elements or attributes of its arguments.
func (w *lostWalk) call(at string, e *hclsyntax.FunctionCallExpr, t tftypes.Type) {
	name, _ := call(e)
	element := elementType(t)
	switch {
	case e.ExpandFinal:
	case element == nil && name == "merge",
		slices.Contains([]string{"try", "coalesce", "tomap", "tolist", "toset", "sensitive", "nonsensitive", "ephemeralasnull"}, name):
		for _, arg := range e.Args {
			w.value(at, arg, t)
		}
	case element != nil && slices.Contains([]string{"concat", "coalescelist", "distinct", "reverse"}, name):
		for _, arg := range e.Args {
			elements, ok := list(unwrap(arg))
			if !ok {
				w.value(at, arg, t)
			}
			for _, e := range elements {
				w.value(at+"[*]", e, element) // the number of preceding elements may be unknown
			}
		}
	case element != nil && name == "flatten":
		for _, arg := range e.Args {
			w.flattened(at+"[*]", arg, element)
		}
	}
}

// flattened searches in lists of elements of type t that are nested to any depth.
func (w *lostWalk) flattened(at string, e hcl.Expression, t tftypes.Type) {
	e = unwrap(e)
	if c, ok := e.(*hclsyntax.ConditionalExpr); ok {
		w.flattened(at, c.TrueResult, t)
		w.flattened(at, c.FalseResult, t)
		return
	}
	if f, ok := e.(*hclsyntax.ForExpr); ok && f.KeyExpr == nil {
		w.flattened(at, f.ValExpr, t)
		return
	}
	elements, ok := list(e)
	if !ok {
		w.value(at, e, t)
	}
	for _, element := range elements {
		w.flattened(at, element, t)
	}
}

// elementType returns the type of the elements of a list or a set, or nil.
func elementType(t tftypes.Type) tftypes.Type {
	switch t := t.(type) {
	case tftypes.List:
		return t.ElementType
	case tftypes.Set:
		return t.ElementType
	}
	return nil
}

// likeness is the minimum similarity of two names to suggest one for the other. It excludes "port" for "host", and includes "retry" for
// "retries".
var likeness = levenshtein.NewParams().BonusThreshold(0).BonusScale(0.1)

// nearest returns the most similar of names, ignoring case and underscores, or "" if none is similar.
func nearest(name string, names []string) string {
	best, score := "", 0.6
	for _, candidate := range names {
		if s := levenshtein.Match(plain(name), plain(candidate), likeness); s > score {
			best, score = candidate, s
		}
	}
	return best
}

func plain(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name))
}
