package spec

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
)

// step is one step into a value: to a member, an element of a list, or an element of a map.
type step struct {
	kind  stepKind
	name  string // the member's name in Terraform, or the key of a map
	json  string // the member's name in JSON
	index int
}

type stepKind int

const (
	toMember stepKind = iota
	toIndex
	toKey
)

func member(f *Field, json string) step { return step{kind: toMember, name: f.Name, json: json} }
func index(i int) step                  { return step{kind: toIndex, index: i} }
func mapKey(key string) step            { return step{kind: toKey, name: key} }

// steps is the current position of a walk. It is converted to a path only for a diagnostic.
type steps []step

func (s *steps) push(next step) { *s = append(*s, next) }

func (s *steps) pop() { *s = (*s)[:len(*s)-1] }

func (s steps) path() path.Path {
	at := path.Empty()
	for _, step := range s {
		switch step.kind {
		case toMember:
			at = at.AtName(step.name)
		case toIndex:
			at = at.AtListIndex(step.index)
		case toKey:
			at = at.AtMapKey(step.name)
		}
	}
	return at
}

// field formats the steps like Kubernetes, such as "http[0].match[1].headers[x-user].exact".
func (s steps) field() string {
	var b strings.Builder
	for i, step := range s {
		switch step.kind {
		case toMember:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(step.json)
		case toIndex:
			fmt.Fprintf(&b, "[%d]", step.index)
		case toKey:
			fmt.Fprintf(&b, "[%s]", step.name)
		}
	}
	return b.String()
}

// Path returns the attribute for a field of m in Kubernetes' API, such as "http[0].match[1].headers[x-user].exact". If the field is not an
// attribute, it returns the nearest attribute above, or false if there is none.
func (m *Message) Path(field string) (path.Path, bool) {
	at, _, found := m.locate(field)
	return at, found
}

// Since returns the first release of Istio that has the attribute, or "" if that is not known.
func (m *Message) Since(field string) string {
	if _, f, found := m.locate(field); found {
		return f.Since
	}
	return ""
}

func (m *Message) locate(field string) (at path.Path, last *Field, found bool) {
	at = path.Empty()
	for m != nil && field != "" {
		name := field
		if end := strings.IndexAny(field, ".["); end >= 0 {
			name = field[:end]
		}
		m.index()
		f, rest := m.byJSON[name], field[len(name):]
		if f == nil {
			break
		}
		at, last, found = at.AtName(f.Name), f, true
		if f.Collection != One {
			key, after, ok := subscript(rest)
			if !ok {
				break
			}
			if f.Collection == Map {
				at = at.AtMapKey(key)
			} else if i, err := strconv.Atoi(key); err == nil {
				at = at.AtListIndex(i)
			} else {
				break
			}
			rest = after
		}
		m, field = f.Message, strings.TrimPrefix(rest, ".")
	}
	return at, last, found
}

// At returns the value at a path in a tree of m: nil if there is none, and [Unknown] within an unknown value.
func (m *Message) At(tree map[string]any, at path.Path) any {
	var value any = tree
	var f *Field
	for _, s := range at.Steps() {
		switch s := s.(type) {
		case path.PathStepAttributeName:
			if f != nil {
				m = f.Message
			}
			if f = m.Named(string(s)); f == nil {
				return nil
			}
			object, _ := value.(map[string]any)
			value = object[f.JSON]
		case path.PathStepElementKeyString:
			object, _ := value.(map[string]any)
			value = object[string(s)]
		case path.PathStepElementKeyInt:
			list, _ := value.([]any)
			if int(s) >= len(list) {
				return nil
			}
			value = list[s]
		}
		if value == nil || value == Unknown {
			return value
		}
	}
	return value
}

// subscript splits "[key].rest" and ".key.rest": the API server uses both for the keys of a map.
func subscript(s string) (key, rest string, ok bool) {
	switch {
	case strings.HasPrefix(s, "["):
		return strings.Cut(s[1:], "]")
	case strings.HasPrefix(s, "."):
		key, rest, _ = strings.Cut(s[1:], ".")
		return key, rest, true
	}
	return "", "", false
}
