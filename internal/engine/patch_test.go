package engine

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
)

// tree returns a random JSON object with few keys, so that two of them have much in common.
func tree(r *rand.Rand, depth int) map[string]any {
	object := make(map[string]any)
	for _, key := range []string{"a", "b", "c"} {
		if value := branch(r, depth); value != nil {
			object[key] = value
		}
	}
	return object
}

// branch returns a random JSON value; nil means that it is absent.
func branch(r *rand.Rand, depth int) any {
	switch n := r.IntN(8); {
	case n < 2:
		return nil
	case n < 5 && depth > 0:
		return tree(r, depth-1)
	case n == 5:
		return []any{"x", float64(r.IntN(2))}
	case n == 6:
		return []any{}
	}
	return [...]any{0.0, 1.0, "", "x", false, true}[r.IntN(6)]
}

// grow returns object with some changes.
func grow(r *rand.Rand, object map[string]any, depth int) map[string]any {
	grown := make(map[string]any)
	for _, key := range []string{"a", "b", "c"} {
		value := object[key]
		inner, isObject := value.(map[string]any)
		switch {
		case isObject && r.IntN(8) > 0:
			value = grow(r, inner, depth-1)
		case r.IntN(6) == 0:
			value = branch(r, depth)
		}
		if value != nil {
			grown[key] = value
		}
	}
	return grown
}

// apply returns an object with a merge patch applied, using the API server's library.
func apply(t *testing.T, object, patch map[string]any) (result map[string]any) {
	t.Helper()
	document, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	merge, err := json.Marshal(patch)
	if err != nil {
		t.Fatal(err)
	}
	merged, err := jsonpatch.MergePatch(document, merge)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(merged, &result); err != nil {
		t.Fatal(err)
	}
	return result
}

func forRandomTrees(t *testing.T, check func(t *testing.T, before, after, live map[string]any)) {
	t.Helper()
	for seed := range uint64(5000) {
		r := rand.New(rand.NewPCG(seed, 7396))
		before := tree(r, 3)
		check(t, before, grow(r, before, 3), grow(r, before, 3))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// The difference of two objects, applied to the first one, gives the second one.
func TestDifference_applies(t *testing.T) {
	t.Parallel()
	forRandomTrees(t, func(t *testing.T, before, after, _ map[string]any) {
		patch := difference(before, after)
		if got := apply(t, before, patch); !reflect.DeepEqual(got, after) {
			t.Errorf("%v, patched with %v, is %v, want %v", before, patch, got, after)
		}
		if same := reflect.DeepEqual(before, after); same != (len(patch) == 0) {
			t.Errorf("the difference from %v to %v is %v", before, after, patch)
		}
	})
}

// No change of someone else is lost without being reported.
func TestOverwritten_reportsEveryLoss(t *testing.T) {
	t.Parallel()
	clean := 0
	forRandomTrees(t, func(t *testing.T, before, after, live map[string]any) {
		patch := difference(before, after)
		if changes := overwritten(patch, before, live); len(changes) > 0 {
			return
		}
		clean++
		if result := apply(t, live, patch); lost(before, live, result) {
			t.Errorf("from %v to %v: in %v, patched to %v, something is lost", before, after, live, result)
		}
	})
	if clean < 500 {
		t.Errorf("only %d of the trees had no conflict", clean)
	}
}

// lost reports whether result lacks something that changed from before to live.
func lost(before, live, result any) bool {
	was, wasObject := before.(map[string]any)
	is, isObject := live.(map[string]any)
	if !wasObject || !isObject {
		return !reflect.DeepEqual(before, live) && !contains(result, live)
	}
	becomes, _ := result.(map[string]any)
	for _, key := range []string{"a", "b", "c"} {
		if !reflect.DeepEqual(was[key], is[key]) && lost(was[key], is[key], becomes[key]) {
			return true
		}
	}
	return false
}

// contains reports whether whole contains all of part.
func contains(whole, part any) bool {
	w, ok := whole.(map[string]any)
	p, isObject := part.(map[string]any)
	if !ok || !isObject {
		return reflect.DeepEqual(whole, part)
	}
	for key := range p {
		if !contains(w[key], p[key]) {
			return false
		}
	}
	return true
}

// Fields that have not changed, or already have the value to write, are not conflicts.
func TestOverwritten_reportsNothingElse(t *testing.T) {
	t.Parallel()
	forRandomTrees(t, func(t *testing.T, before, after, live map[string]any) {
		patch := difference(before, after)
		for name, now := range map[string]map[string]any{"untouched": before, "written already": after} {
			if changes := overwritten(patch, before, now); len(changes) > 0 {
				t.Errorf("%s, from %v to %v: reports %v", name, before, after, changes)
			}
		}
		for _, c := range overwritten(patch, before, live) {
			if reflect.DeepEqual(c.expected, c.now) {
				t.Errorf("from %v to %v, now %v: reports %s, which has not changed", before, after, live, c)
			}
		}
	})
}

func TestFieldString(t *testing.T) {
	t.Parallel()
	for want, field := range map[string][]string{
		"spec.http":                            {"spec", "http"},
		"metadata.labels.team":                 {"metadata", "labels", "team"},
		"metadata.labels[example.com/managed]": {"metadata", "labels", "example.com/managed"},
	} {
		if got := fieldString(field); got != want {
			t.Errorf("%q is spelled %s, want %s", field, got, want)
		}
	}
}
