package engine

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// strangerError means that an update would remove a field that this provider does not know.
type strangerError struct{ field string }

func (e *strangerError) Error() string { return "an unknown field would be lost" }

func (e *strangerError) report(s *session) {
	summary := fmt.Sprintf("%s has a field that this provider does not know", s.ref)
	detail := fmt.Sprintf("The update changes a list and would remove %s from one of its elements. Nothing was written. Use a provider release for the "+
		"cluster's version of Istio, or make this change with kubectl.", e.field)
	if at, ok := s.kind.at(e.field); ok {
		s.diagnostics.AddAttributeError(at, summary, detail)
		return
	}
	s.diagnostics.AddError(summary, detail)
}

// preserve changes the patch of an object so that it keeps fields in live that this provider does not know, and the spelling of strings in live,
// which Terraform converts to Unicode normal form C. prior is the known state of the object.
func (k *Kind) preserve(patch document, prior values, live *unstructured.Unstructured) (document, error) {
	now, unknown, err := k.observe(live, prior)
	content, ok := patch["spec"].(map[string]any)
	if err != nil || !ok || len(unknown) == 0 && normal(live.Object["spec"]) {
		return patch, err
	}
	if k.Spec.Partial { // the API server fills in other unknown fields again
		for _, field := range unknown {
			list, _, _ := strings.Cut(field, "[")
			if _, changed := content[list]; changed {
				return nil, &strangerError{"spec." + field}
			}
		}
		return patch, nil
	}
	known, err := k.document(now, false)
	if err != nil {
		return nil, err
	}
	patch = maps.Clone(patch)
	patch["spec"], err = keepStrangers(content, mapOf(known["spec"]), mapOf(live.Object["spec"]), "spec")
	return patch, err
}

// keepStrangers adds the fields that this provider does not know to the lists of a merge patch, because it replaces lists as a whole. stored is
// the object to patch, and known is the same object without those fields.
func keepStrangers(patch, known, stored map[string]any, at string) (map[string]any, error) {
	kept := maps.Clone(patch)
	for key, value := range patch {
		field := strings.TrimPrefix(at+"."+key, ".")
		var err error
		switch value := value.(type) {
		case map[string]any:
			was, stays := known[key].(map[string]any)
			if !stays {
				break
			}
			kept[key], err = keepStrangers(value, was, mapOf(stored[spelled(key, stored)]), field)
		case []any:
			was, _ := known[key].([]any)
			is, _ := stored[spelled(key, stored)].([]any)
			if len(was) == len(is) {
				kept[key], err = keepInList(value, was, is, field)
			}
		}
		if err != nil {
			return nil, err
		}
		respell(kept, key, stored)
	}
	return kept, nil
}

// spelled returns the spelling of a key, which is in normal form C, in a stored object.
func spelled(key string, stored map[string]any) string {
	if _, ok := stored[key]; !ok {
		for as := range stored {
			if norm.NFC.String(as) == key {
				return as
			}
		}
	}
	return key
}

// respell changes the spelling of a key in an object to that of the stored one.
func respell(object map[string]any, key string, stored map[string]any) {
	if as := spelled(key, stored); as != key {
		object[as] = object[key]
		delete(object, key)
	}
}

// normal reports whether all strings in a JSON value are in normal form C.
func normal(j any) bool {
	switch j := j.(type) {
	case string:
		return norm.NFC.IsNormalString(j)
	case []any:
		return !slices.ContainsFunc(j, func(element any) bool { return !normal(element) })
	case map[string]any:
		for key, value := range j {
			if !normal(key) || !normal(value) {
				return false
			}
		}
	}
	return true
}

// keepInList takes unchanged elements from the stored list. If only one element has changed, its unknown fields are kept, too.
func keepInList(after, known, stored []any, at string) ([]any, error) {
	kept, taken := slices.Clone(after), make([]bool, len(known))
	var changed []int
	for i, element := range after {
		from := slices.IndexFunc(known, func(k any) bool { return reflect.DeepEqual(k, element) })
		if from < 0 {
			changed = append(changed, i)
			continue
		}
		kept[i], taken[from] = stored[from], true
	}
	var gone []int
	for i := range known {
		if !taken[i] {
			gone = append(gone, i)
		}
	}
	if len(changed) == 0 {
		return kept, nil
	}
	for _, from := range gone {
		field := fmt.Sprintf("%s[%d]", at, from)
		if len(changed) == 1 && len(gone) == 1 {
			element, err := keepInElement(after[changed[0]], known[from], stored[from], field)
			kept[changed[0]] = element
			return kept, err
		}
		if stranger := firstStranger(known[from], stored[from], field); stranger != "" {
			return nil, &strangerError{stranger}
		}
	}
	return kept, nil
}

// keepInElement returns a changed element with the unknown fields of the stored one.
func keepInElement(after, known, stored any, at string) (any, error) {
	if reflect.DeepEqual(after, known) {
		return stored, nil
	}
	object, isObject := after.(map[string]any)
	was, wasObject := known.(map[string]any)
	is, inCluster := stored.(map[string]any)
	if !isObject || !wasObject || !inCluster {
		return after, nil
	}
	kept := maps.Clone(object)
	for as, value := range is {
		key := norm.NFC.String(as)
		before, isKnown := was[key]
		now, given := object[key]
		if !isKnown && !given {
			kept[as] = value
		}
		if !isKnown || !given {
			continue
		}
		field := at + "." + key
		var err error
		if elements, ok := now.([]any); ok {
			was, _ := before.([]any)
			live, _ := value.([]any)
			if len(was) == len(live) {
				kept[key], err = keepInList(elements, was, live, field)
			}
		} else {
			kept[key], err = keepInElement(now, before, value, field)
		}
		if err != nil {
			return nil, err
		}
		respell(kept, key, is)
	}
	return kept, nil
}

// firstStranger returns the first field of stored that known does not have, or "".
func firstStranger(known, stored any, at string) string {
	switch is := stored.(type) {
	case map[string]any:
		was := mapOf(known)
		for _, as := range slices.Sorted(maps.Keys(is)) {
			key := norm.NFC.String(as)
			if _, ok := was[key]; !ok {
				return at + "." + key
			}
			if found := firstStranger(was[key], is[as], at+"."+key); found != "" {
				return found
			}
		}
	case []any:
		was, _ := known.([]any)
		for i := range min(len(is), len(was)) {
			if found := firstStranger(was[i], is[i], fmt.Sprintf("%s[%d]", at, i)); found != "" {
				return found
			}
		}
	}
	return ""
}
