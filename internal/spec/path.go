package spec

import (
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
)

// Path is the attribute that Kubernetes' API calls field, such as "http[0].match[1].headers[x-user].exact", relative to m. Of a field
// that is not an attribute it is the nearest attribute above; false, if there is none.
func (m *Message) Path(field string) (path.Path, bool) {
	at, found := path.Empty(), false
	for m != nil && field != "" {
		f, rest := m.field(field)
		if f == nil {
			break
		}
		at, found = at.AtName(f.Name), true
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
	return at, found
}

// field is the field that the path begins with, and what follows its name.
func (m *Message) field(field string) (*Field, string) {
	end := strings.IndexAny(field, ".[")
	if end < 0 {
		end = len(field)
	}
	for i := range m.Fields {
		if f := &m.Fields[i]; f.JSON == field[:end] {
			return f, field[end:]
		}
	}
	return nil, ""
}

// subscript splits "[key].rest" and ".key.rest", which the API server uses alike for the keys of a map.
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
