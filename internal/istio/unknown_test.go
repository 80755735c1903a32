package istio_test

import (
	"math/rand/v2"
	"testing"

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
	r := rand.New(rand.NewPCG(2, 3))
	samples, _ := corpus(t)
	tried := 0
	for _, s := range samples {
		errors, warnings := s.validate(t, "test", nil)
		if len(errors) > 0 {
			continue
		}
		for _, n := range []int{1, 2, 4, 8, 20} {
			for range 4 {
				hidden, count := s.hide(t, r, n, func(*tftypes.AttributePath) bool { return true })
				if count == 0 {
					continue
				}
				tried++
				errors, _ := hidden.validate(t, "test", nil)
				if len(errors) > 0 {
					t.Errorf("%s\n%s\n%s", s.source, tftypes.NewValue(s.kind.Spec.Type(), hidden.spec), texts(errors))
				}
			}
		}
		_ = warnings
	}
	t.Logf("%d objects with unknown values", tried)
}
