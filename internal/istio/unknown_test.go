package istio_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// hide makes about one in n values of the sample unknown.
func (s sample) hide(r *rand.Rand, n int) sample {
	return s.with(func(at spot) any {
		if r.IntN(n) == 0 {
			return spec.Unknown
		}
		return at.value
	})
}

// A valid object stays valid if any of its values are unknown.
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
				for _, n := range []int{1, 2, 4, 8, 20, 1000} {
					hidden := s.hide(r, n)
					name := []string{"name", "namespace", "labels", "timeouts"}[r.IntN(4)]
					errors, _ := hidden.validate(t, "test", func(attributes map[string]any) { attributes[name] = spec.Unknown })
					if tried++; len(errors) > 0 {
						t.Errorf("%s\n%v, unknown %s\n%s", s.source, hidden.spec, name, texts(errors))
					}
				}
			}
			t.Logf("%d objects with unknown values", tried)
		})
	}
}

// Errors in the spec are reported even if the name and namespace are unknown, as in terraform validate.
func TestUnknown_namesHideNoError(t *testing.T) {
	t.Parallel()
	samples, _ := corpus(t)
	refused := 0
	for _, s := range samples {
		errors, _ := s.validate(t, "test", nil)
		if len(errors) == 0 || errors[0].Attribute != nil && errors[0].Attribute.String() == `AttributeName("name")` {
			continue
		}
		refused++
		hidden, _ := s.validate(t, "test", func(attributes map[string]any) {
			attributes["name"], attributes["namespace"] = spec.Unknown, spec.Unknown
		})
		if len(errors) != len(hidden) {
			t.Errorf("%s\nof\n%s\nthere is left\n%s", s.source, texts(errors), texts(hidden))
		}
	}
	if refused < 90 {
		t.Errorf("only %d objects are refused", refused)
	}
}
