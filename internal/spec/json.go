package spec

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"golang.org/x/text/unicode/norm"

	"github.com/magneticio/terraform-provider-lamia/internal/describe"
)

// Error is a value that Terraform or the API server has, and the other cannot represent.
type Error struct {
	Path path.Path
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("%s %v", e.Path, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// ErrUnknown is the error for a value that Terraform does not know yet.
var ErrUnknown = errors.New("is not known yet")

// Encode returns the JSON object of a tree of m. It shares parts that are the same in JSON. Errors are of type *[Error].
func (m *Message) Encode(tree map[string]any) (map[string]any, error) {
	return m.encode(tree, false)
}

// Canonical is like Encode, but values with the same meaning, such as "60s" and "1m", become equal.
func (m *Message) Canonical(tree map[string]any) (map[string]any, error) {
	return m.encode(tree, true)
}

func (m *Message) encode(tree map[string]any, canonical bool) (map[string]any, error) {
	r := rewriter{}
	r.leaf = func(f *Field, value, _ any) (any, error) {
		switch value {
		case nil:
			return nil, r.fail(errors.New("must not be null"))
		case Unknown:
			return nil, r.fail(ErrUnknown)
		}
		if problem := f.outOfRange(value, describe.Constraints{}); problem != "" {
			return nil, r.fail(errors.New(problem))
		}
		j := f.Scalar.toJSON(value)
		if canonical {
			j = f.Scalar.toCanonical(j)
		}
		return j, nil
	}
	object, _, err := r.message(m, tree, nil)
	return object, err
}

// Keep returns after, with the values of before that have the same meaning, so that Terraform shows no change there.
func (m *Message) Keep(before, after map[string]any) map[string]any {
	r := rewriter{leaf: func(f *Field, is, was any) (any, error) {
		if is != was && is != nil && was != nil && is != Unknown && was != Unknown && f.Message == nil && f.Scalar.same(f.Scalar.toJSON(was), f.Scalar.toJSON(is)) {
			return was, nil
		}
		return is, nil
	}}
	kept, _, _ := r.message(m, after, before) // this leaf never returns an error
	return kept
}

// rewriter creates a tree from another one, and can compare it with a third tree of the same message. It shares parts that stay the same.
type rewriter struct {
	at steps
	// leaf converts a scalar, a null or an unknown value; nil means absent.
	leaf func(f *Field, value, beside any) (any, error)
}

func (r *rewriter) fail(err error) error { return &Error{r.at.path(), err} }

// message rewrites an object, and reports whether it has changed.
func (r *rewriter) message(m *Message, tree, beside map[string]any) (rewritten map[string]any, other bool, err error) {
	m.index()
	rewritten = tree
	for key, value := range tree {
		f, ok := m.byJSON[key]
		if !ok {
			return nil, false, r.fail(fmt.Errorf("has no attribute %q", key))
		}
		r.at.push(member(f, key))
		v, changed, err := r.field(f, value, beside[key])
		if err != nil {
			return nil, false, err
		}
		r.at.pop()
		if !changed {
			continue
		}
		if !other {
			rewritten, other = maps.Clone(tree), true
		}
		if rewritten[key] = v; v == nil {
			delete(rewritten, key)
		}
	}
	return rewritten, other, nil
}

func (r *rewriter) field(f *Field, value, beside any) (rewritten any, other bool, err error) {
	if list, ok := value.([]any); ok {
		was, _ := beside.([]any)
		rewritten := list
		for i := range list {
			var p any
			if i < len(was) {
				p = was[i]
			}
			r.at.push(index(i))
			v, changed, err := r.element(f, list[i], p)
			if err != nil {
				return nil, false, err
			}
			r.at.pop()
			if changed && !other {
				rewritten, other = slices.Clone(list), true
			}
			if changed {
				rewritten[i] = v
			}
		}
		return rewritten, other, nil
	}
	object, ok := value.(map[string]any)
	if !ok || f.Collection != Map {
		return r.element(f, value, beside)
	}
	was, _ := beside.(map[string]any)
	all := object
	for key := range object {
		r.at.push(mapKey(key))
		v, changed, err := r.element(f, object[key], was[key])
		if err != nil {
			return nil, false, err
		}
		r.at.pop()
		if changed && !other {
			all, other = maps.Clone(object), true
		}
		if changed {
			all[key] = v
		}
	}
	return all, other, nil
}

func (r *rewriter) element(f *Field, value, beside any) (rewritten any, other bool, err error) {
	if object, ok := value.(map[string]any); ok && f.Message != nil {
		was, _ := beside.(map[string]any)
		return r.message(f.Message, object, was)
	}
	v, err := r.leaf(f, value, beside)
	return v, v != value, err
}

// Observe returns the tree of a stored object, which is JSON as client-go reads it. prior is the tree in the state, or nil. The tree keeps
// values of prior that have the same meaning, and a default of the API server is kept only if prior has the field, too ([Field.Filled]). unknown
// lists the fields of the object that m lacks, unless m is partial, such as "http[0].newInIstio2". Errors are of type *[Error].
func (m *Message) Observe(object, prior map[string]any) (tree map[string]any, unknown []string, err error) {
	var o observer
	tree, err = o.message(m, object, prior)
	slices.Sort(o.unknown)
	return tree, o.unknown, err
}

type observer struct {
	at      steps
	unknown []string
}

func (o *observer) errorf(format string, args ...any) error {
	return &Error{o.at.path(), fmt.Errorf(format, args...)}
}

func (o *observer) message(m *Message, object, prior map[string]any) (map[string]any, error) {
	m.index()
	tree := make(map[string]any, len(object))
	for key, j := range object {
		f := m.stored(key)
		switch {
		case f == nil && m.Partial:
			continue
		case f == nil:
			o.unknown = append(o.unknown, join(o.at.field(), key))
			continue
		}
		before := prior[f.JSON]
		if j == nil || before == nil && f.Filled != nil && f.Filled(number(j), object) {
			continue
		}
		o.at.push(member(f, key))
		value, err := o.field(f, j, before)
		if err != nil {
			return nil, err
		}
		o.at.pop()
		tree[f.JSON] = value
	}
	for key, before := range prior {
		if f := m.byJSON[key]; f != nil && tree[key] == nil && object[key] == nil && m.storesNothingOf(f, before) {
			tree[key] = before
		}
	}
	return tree, nil
}

func join(name, key string) string {
	if name == "" {
		return key
	}
	return name + "." + key
}

// storesNothingOf reports whether the API server omits the value from a stored object.
func (m *Message) storesNothingOf(f *Field, value any) bool {
	if f.Collection == One && f.Message == nil {
		value = f.Scalar.toJSON(value)
	}
	switch v := value.(type) {
	case nil:
		return true
	case string:
		return m.OmitsEmpty && v == ""
	case bool:
		return m.OmitsEmpty && !v
	case []any:
		return m.OmitsEmpty && len(v) == 0
	case map[string]any:
		return m.OmitsEmpty && len(v) == 0
	}
	return false
}

func (o *observer) field(f *Field, j, prior any) (any, error) {
	switch f.Collection {
	case List:
		list, ok := j.([]any)
		if !ok {
			return nil, o.errorf("holds %s, not a list", jsonType(j))
		}
		before, _ := prior.([]any)
		values := make([]any, len(list))
		for i := range list {
			var p any
			if i < len(before) {
				p = before[i]
			}
			o.at.push(index(i))
			v, err := o.element(f, list[i], p)
			if err != nil {
				return nil, err
			}
			o.at.pop()
			values[i] = v
		}
		return values, nil
	case Map:
		object, ok := j.(map[string]any)
		if !ok {
			return nil, o.errorf("holds %s, not a map", jsonType(j))
		}
		before, _ := prior.(map[string]any)
		values := make(map[string]any, len(object))
		for key := range object {
			o.at.push(mapKey(key))
			known := norm.NFC.String(key) // in Terraform's normal form
			v, err := o.element(f, object[key], before[known])
			if err != nil {
				return nil, err
			}
			o.at.pop()
			values[known] = v
		}
		return values, nil
	}
	return o.element(f, j, prior)
}

// jsonType names the type of a JSON value.
func jsonType(j any) string {
	switch j := j.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	default:
		return literal(j)
	}
}

func (o *observer) element(f *Field, j, prior any) (any, error) {
	if f.Message != nil {
		object, ok := j.(map[string]any)
		if !ok && j != nil { // protobuf reads a null element as an empty message
			return nil, o.errorf("holds %s, not an object", jsonType(j))
		}
		before, _ := prior.(map[string]any)
		return o.message(f.Message, object, before)
	}
	v, err := f.Scalar.fromJSON(j)
	if err != nil {
		return nil, &Error{o.at.path(), err}
	}
	if prior != nil && prior != Unknown && f.Scalar.same(f.Scalar.toJSON(prior), f.Scalar.toJSON(v)) {
		return prior, nil
	}
	return v, nil
}
