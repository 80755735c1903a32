package istio_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// hide makes values of the sample unknown, one in every n or so.
func (s sample) hide(t testing.TB, r *rand.Rand, n int, may func(*tftypes.AttributePath) bool) (sample, int) {
	t.Helper()
	hidden := make(map[string]bool)
	for _, spot := range s.spots(t) {
		if r.IntN(n) == 0 && may(spot.path) {
			hidden[spot.path.String()] = true
		}
	}
	return s.with(t, func(at *tftypes.AttributePath, v tftypes.Value) tftypes.Value {
		if hidden[at.String()] {
			return tftypes.NewValue(v.Type(), tftypes.UnknownValue)
		}
		return v
	}), len(hidden)
}

// Whatever is unknown of an object that is right, nothing is wrong with it.
func TestUnknown_isNoError(t *testing.T) {
	t.Parallel()
	samples, _ := corpus(t)
	for part := range 4 {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(2, uint64(part)))
			tried := 0
			for i, s := range samples {
				if errors, _ := s.validate(t, "test", nil); i%4 != part || len(errors) > 0 {
					continue
				}
				for _, n := range []int{1, 2, 4, 8, 20} {
					hidden, _ := s.hide(t, r, n, func(*tftypes.AttributePath) bool { return true })
					name := []string{"name", "namespace", "labels", "timeouts"}[r.IntN(4)]
					errors, _ := hidden.validate(t, "test", func(attributes map[string]tftypes.Value) {
						attributes[name] = tftypes.NewValue(attributes[name].Type(), tftypes.UnknownValue)
					})
					if tried++; len(errors) > 0 {
						t.Errorf("%s\n%s, unknown %s\n%s", s.source, tftypes.NewValue(s.kind.Spec.Type(), hidden.spec), name, texts(errors))
					}
				}
			}
			t.Logf("%d objects with unknown values", tried)
		})
	}
}

// What is wrong with an attribute is wrong whatever others turn out to be.
func TestUnknown_hidesNoError(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 5))
	samples, _ := corpus(t)
	tried, kept := 0, 0
	for _, s := range samples {
		errors, _ := s.validate(t, "test", nil)
		if len(errors) != 1 || errors[0].Attribute == nil || strings.Contains(errors[0].Detail, ", or ") {
			continue
		}
		for range 4 {
			hidden, count := s.hide(t, r, 4, func(at *tftypes.AttributePath) bool { return !at.Steps()[0].Equal(errors[0].Attribute.Steps()[0]) })
			if count == 0 {
				continue
			}
			tried++
			now, _ := hidden.validate(t, "test", nil)
			if slices.ContainsFunc(now, func(d *tfprotov6.Diagnostic) bool { return d.Detail == errors[0].Detail }) {
				kept++
			}
		}
	}
	t.Logf("%d of %d errors are told although something else is unknown", kept, tried)
	if kept < 100 { // the others depend on what is hidden
		t.Error("that is too few")
	}
}
