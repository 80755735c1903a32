package engine

import (
	"reflect"
	"regexp"
	"testing"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// Default labels are merged with those of the configuration, which take precedence, and are in the plan. Without defaults, nothing is added.
func TestSettings_labels(t *testing.T) {
	t.Parallel()
	one := map[string]any{"a": "1"}
	for name, c := range map[string]struct {
		defaults  map[string]string
		given     any
		effective any
		written   map[string]any
	}{
		"none":      {nil, one, nil, one},
		"defaults":  {map[string]string{"a": "0", "b": "2"}, one, map[string]any{"a": "1", "b": "2"}, map[string]any{"a": "1", "b": "2"}},
		"only them": {map[string]string{"b": "2"}, nil, map[string]any{"b": "2"}, map[string]any{"b": "2"}},
		"unknown":   {map[string]string{"b": "2"}, spec.Unknown, spec.Unknown, map[string]any{}},
	} {
		m := Settings{Labels: c.defaults}.labels()
		planned := values{attrEffectiveLabels: map[string]any{"old": "x"}}
		planned.set(keyLabels, c.given)
		m.plan(planned)
		if got := planned[attrEffectiveLabels]; !reflect.DeepEqual(got, c.effective) {
			t.Errorf("%s: effective are %v, want %v", name, got, c.effective)
		}
		if got := m.of(planned); !reflect.DeepEqual(got, c.written) {
			t.Errorf("%s: written are %v, want %v", name, got, c.written)
		}
	}
}

// Changes by others are in the plan, except for ignored keys. Labels that an imported object has only by default are not in its labels
// attribute.
func TestSettings_observe(t *testing.T) {
	t.Parallel()
	m := Settings{Labels: map[string]string{"b": "2"}, IgnoreLabels: []*regexp.Regexp{regexp.MustCompile("^x/")}}.labels()
	prior := values{keyLabels: map[string]any{"a": "1", "x/y": "1"}, attrEffectiveLabels: map[string]any{"a": "1", "b": "2", "x/y": "1"}}
	now := values{}
	m.observe(now, prior, map[string]string{"a": "9", "b": "9", "c": "9", "x/y": "9"})
	if want := (values{keyLabels: map[string]any{"a": "9", "x/y": "1"}, attrEffectiveLabels: map[string]any{"a": "9", "b": "9", "x/y": "1"}}); !reflect.DeepEqual(now, want) {
		t.Errorf("observed are %v, want %v", now, want)
	}
	state := values{}
	m.found(state, map[string]string{"a": "1", "b": "2"})
	if want := (values{keyLabels: map[string]any{"a": "1"}, attrEffectiveLabels: map[string]any{"a": "1", "b": "2"}}); !reflect.DeepEqual(state, want) {
		t.Errorf("found are %v, want %v", state, want)
	}
}
