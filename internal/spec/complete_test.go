package spec_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"istio.io/api/networking/v1alpha3"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// Each unknown string takes the value of each known one, however many there are.
func TestCompletions_everyKnownString(t *testing.T) {
	t.Parallel()
	m := spec.FromDescriptor((&v1alpha3.ServiceEntry{}).ProtoReflect().Descriptor())
	var hosts, names []any
	for i := range 50 {
		hosts = append(hosts, fmt.Sprint("host", i))
		names = append(names, fmt.Sprint("known", i))
	}
	attributes, _, err := m.Decode(map[string]any{
		"hosts": hosts, "subjectAltNames": names, "ports": []any{map[string]any{"number": int64(80), "name": "name"}},
	}, tftypes.NewValue(m.Type(), nil))
	if err != nil {
		t.Fatal(err)
	}
	isName := func(at *tftypes.AttributePath) bool {
		return at.String() == `AttributeName("ports").ElementKeyInt(0).AttributeName("name")`
	}
	config, err := tftypes.Transform(tftypes.NewValue(m.Type(), attributes), func(at *tftypes.AttributePath, v tftypes.Value) (tftypes.Value, error) {
		if isName(at) || strings.HasPrefix(at.String(), `AttributeName("hosts").`) {
			return tftypes.NewValue(tftypes.String, tftypes.UnknownValue), nil
		}
		return v, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	taken := make(map[string]bool)
	for completed := range m.Completions(config) {
		_ = tftypes.Walk(completed, func(at *tftypes.AttributePath, v tftypes.Value) (bool, error) {
			var s string
			if isName(at) && v.As(&s) == nil {
				taken[s] = true
			}
			return true, nil
		})
	}
	for _, name := range names {
		if !taken[name.(string)] {
			t.Errorf("the unknown name never becomes %q", name)
		}
	}
}
