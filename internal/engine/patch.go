package engine

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// difference returns the JSON merge patch (RFC 7396) from before to after.
func difference(before, after map[string]any) map[string]any {
	patch := make(map[string]any)
	for key, old := range before {
		value, ok := after[key]
		if !ok {
			patch[key] = nil
			continue
		}
		oldObject, isObject := old.(map[string]any)
		object, stays := value.(map[string]any)
		switch {
		case isObject && stays:
			if p := difference(oldObject, object); len(p) > 0 {
				patch[key] = p
			}
		case !reflect.DeepEqual(old, value):
			patch[key] = value
		}
	}
	for key, value := range after {
		if _, ok := before[key]; !ok {
			patch[key] = value
		}
	}
	return patch
}

// change is a field that someone else has changed.
type change struct {
	field         []string // its path in the object
	expected, now any      // nil is absent
}

func (c change) String() string { return fieldString(c.field) }

// overwritten returns the fields that patch, a difference from before, would overwrite although someone else has changed them in live to another
// value than the patch writes.
func overwritten(patch, before, live map[string]any, at ...string) (changes []change) {
	for _, key := range slices.Sorted(maps.Keys(patch)) {
		field := append(slices.Clone(at), key)
		inner, isObject := patch[key].(map[string]any)
		was, wasObject := before[key].(map[string]any)
		if isObject && wasObject {
			if is, stays := live[key].(map[string]any); stays {
				changes = append(changes, overwritten(inner, was, is, field...)...)
				continue
			}
		}
		if now := live[key]; !reflect.DeepEqual(now, before[key]) && !reflect.DeepEqual(now, patch[key]) {
			changes = append(changes, change{field, before[key], now})
		}
	}
	return changes
}

// fieldString formats the path of a field like the API server.
func fieldString(field []string) string {
	var b strings.Builder
	for i, name := range field {
		switch {
		case strings.ContainsAny(name, "./"):
			b.WriteString("[" + name + "]")
		case i > 0:
			b.WriteString("." + name)
		default:
			b.WriteString(name)
		}
	}
	return b.String()
}
