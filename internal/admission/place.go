package admission

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Place finds the fields that cause errors or warnings of an object. Istio's messages name none, and a CEL rule names only the place where it
// is defined. The cause of a finding is the smallest value without which the finding disappears; there are several if removing any one is enough.
// Place checks copies of the object that lack a part of it, up to a limit: it leaves the remaining findings where they are.
func (j *Judges) Place(o *unstructured.Unstructured, all []Finding) (placed []Finding) {
	if len(all) == 0 {
		return nil
	}
	p := placer{judges: j, object: o, size: size(o.Object), now: counts(j.Check(o)), lacking: make(map[string]map[key]int)}
	done := make(map[key]bool)
	for _, f := range all {
		if done[f.key()] {
			continue
		}
		done[f.key()] = true
		for _, fields := range p.place(f) {
			f.Fields = fields
			placed = append(placed, f)
		}
	}
	return placed
}

// key identifies a finding. Equal findings have the same key.
type key struct {
	judge          Judge
	message, field string
}

func (f Finding) key() key { return key{f.Judge, f.Message, strings.Join(f.Fields, " ")} }

func counts(v Verdict) map[key]int {
	n := make(map[key]int)
	for _, f := range slices.Concat(v.Errors, v.Warnings) {
		n[f.key()]++
	}
	return n
}

// effort limits the work for an object: its values times the number of checks.
const effort = 100_000

type placer struct {
	judges  *Judges
	object  *unstructured.Unstructured
	size    int
	now     map[key]int
	lacking map[string]map[key]int // the findings without some parts, since many findings need the same ones
}

func (p *placer) exhausted() bool { return len(p.lacking)*p.size >= effort }

// size returns the number of values in v.
func size(v any) int {
	n := 1
	switch v := v.(type) {
	case map[string]any:
		for _, member := range v {
			n += size(member)
		}
	case []any:
		for _, element := range v {
			n += size(element)
		}
	}
	return n
}

// step is the name of a member (string) or the index of an element (int).
type step = any

// place returns the fields of a finding, once for each of its occurrences.
func (p *placer) place(f Finding) [][]string {
	var start []step
	if len(f.Fields) > 0 {
		var there bool
		if start, there = steps(p.object.Object, f.Fields[0]); !there { // such as a required field
			return [][]string{f.Fields}
		}
	}
	return p.below(start, f.key(), p.now[f.key()])
}

// culprit is a value without which a finding disappears, or occurs less often.
type culprit struct {
	at   []step
	less int  // findings without it
	good bool // no other finding appears without it
}

// below returns the places of the finding k, which occurs n times, at or below a value.
func (p *placer) below(at []step, k key, n int) [][]string {
	here := [][]string{{fieldOf(at)}}
	culprits := p.culprits(at, children(p.object.Object, at), k, n)
	if p.exhausted() {
		return here
	}
	total := 0
	for _, c := range culprits {
		total += c.less
	}
	if len(culprits) > 1 && total != n { // a removal that causes another finding may hide this one
		culprits = slices.DeleteFunc(culprits, func(c culprit) bool { return !c.good })
	}
	if len(culprits) == 0 || len(culprits) > 8 && total != n { // if that many values conflict, none of them is the cause
		return here
	}
	var places [][]string
	for _, c := range culprits {
		places = append(places, p.below(c.at, k, c.less)...)
	}
	if len(culprits) == 1 || total == n {
		return places
	}
	return [][]string{slices.Concat(places...)}
}

// culprits finds the culprits in a group of children of a value, by bisection: if nothing changes without the group, it has none.
func (p *placer) culprits(at, group []step, k key, n int) []culprit {
	if len(group) == 0 || p.exhausted() {
		return nil
	}
	without := p.without(at, group)
	less := min(p.now[k]-without[k], n)
	switch half := len(group) / 2; {
	case less <= 0:
		return nil
	case half > 0:
		return slices.Concat(p.culprits(at, group[:half], k, n), p.culprits(at, group[half:], k, n))
	}
	return []culprit{{append(slices.Clone(at), group[0]), less, p.better(without)}}
}

// without returns the findings in the object without a group of successive children of a value.
func (p *placer) without(at, group []step) map[key]int {
	name := fmt.Sprint(fieldOf(at), " ", group[0], " ", len(group))
	found, ok := p.lacking[name]
	if !ok {
		var object any = p.object.Object
		for _, child := range slices.Backward(group) {
			object = remove(object, append(slices.Clone(at), child))
		}
		found = counts(p.judges.Check(&unstructured.Unstructured{Object: object.(map[string]any)}))
		if i, ok := group[0].(int); ok {
			found = renumber(found, fieldOf(at), i, len(group))
		}
		p.lacking[name] = found
	}
	return found
}

// renumber corrects the indices in findings of an object that lacks some successive elements of a list, from the i-th on: in fields, and in
// messages, where Istio calls the first element #0.
func renumber(found map[key]int, list string, i, missing int) map[key]int {
	all := make(map[key]int, len(found))
	for k, count := range found {
		k.message = number.ReplaceAllStringFunc(k.message, func(s string) string { return "#" + after(s[1:], i, missing) })
		if rest, ok := strings.CutPrefix(k.field, list+"["); ok {
			index, rest, _ := strings.Cut(rest, "]")
			k.field = list + "[" + after(index, i, missing) + "]" + rest
		}
		all[k] += count
	}
	return all
}

var number = regexp.MustCompile(`#\d+`)

// after returns the index of an element in the list with the missing elements, from the i-th on.
func after(index string, i, missing int) string {
	if j, err := strconv.Atoi(index); err == nil && j >= i {
		return strconv.Itoa(j + missing)
	}
	return index
}

// better reports whether the object has no finding that it did not have before.
func (p *placer) better(n map[key]int) bool {
	for k := range n {
		if n[k] > p.now[k] {
			return false
		}
	}
	return true
}

// children returns the steps from a value to its members or elements, in order.
func children(v any, at []step) (all []step) {
	for _, s := range at {
		switch s := s.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[s]
		case int:
			if l, _ := v.([]any); s < len(l) {
				v = l[s]
			} else {
				v = nil
			}
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if len(at) > 0 || name == "metadata" || name == "spec" {
				all = append(all, name)
			}
		}
	case []any:
		for i := range v {
			all = append(all, i)
		}
	}
	return all
}

// remove returns a copy of v without the value at the path.
func remove(v any, path []step) any {
	switch s := path[0].(type) {
	case string:
		m := maps.Clone(v.(map[string]any))
		if len(path) == 1 {
			delete(m, s)
		} else {
			m[s] = remove(m[s], path[1:])
		}
		return m
	default:
		i, l := s.(int), slices.Clone(v.([]any))
		if len(path) == 1 {
			return slices.Delete(l, i, i+1)
		}
		l[i] = remove(l[i], path[1:])
		return l
	}
}

// steps is the reverse of fieldOf. It returns false if v has nothing at the field. The API server also writes keys of maps like fields, whatever
// characters they contain.
func steps(v any, field string) (path []step, there bool) {
	for field != "" {
		switch inner := v.(type) {
		case map[string]any:
			var name, found string
			for n := range inner {
				for _, spelled := range []string{n, "." + n, "[" + n + "]"} {
					if rest, ok := strings.CutPrefix(field, spelled); ok && len(spelled) > len(found) && (rest == "" || strings.ContainsRune(".[", rune(rest[0]))) {
						name, found = n, spelled
					}
				}
			}
			if found == "" {
				return nil, false
			}
			path, v, field = append(path, name), inner[name], field[len(found):]
		case []any:
			var i int
			if _, err := fmt.Sscanf(field, "[%d]", &i); err != nil || i >= len(inner) {
				return nil, false
			}
			path, v, field = append(path, i), inner[i], field[strings.IndexByte(field, ']')+1:]
		default:
			return nil, false
		}
	}
	return path, true
}

var identifier = regexp.MustCompile(`^\w+$`)

// fieldOf writes a path in Kubernetes' notation.
func fieldOf(path []step) string {
	var b strings.Builder
	for _, s := range path {
		switch s := s.(type) {
		case string:
			switch {
			case !identifier.MatchString(s):
				fmt.Fprintf(&b, "[%s]", s)
			case b.Len() > 0:
				b.WriteString("." + s)
			default:
				b.WriteString(s)
			}
		case int:
			fmt.Fprintf(&b, "[%d]", s)
		}
	}
	return b.String()
}
