package spec_test

import (
	"slices"
	"testing"

	"istio.io/api/networking/v1alpha3"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

func TestVoid(t *testing.T) {
	t.Parallel()
	m := spec.FromDescriptor((*v1alpha3.VirtualService)(nil).ProtoReflect().Descriptor())
	empty := map[string]any{}
	var got []string
	for _, at := range m.Void(map[string]any{"http": []any{map[string]any{
		"match":   []any{map[string]any{"uri": empty, "headers": map[string]any{"x": empty}}, empty},
		"headers": map[string]any{"request": empty}, "retries": empty,
		"route": []any{map[string]any{"headers": empty}, spec.Unknown},
		"fault": map[string]any{"delay": empty, "abort": spec.Unknown},
	}}}) {
		got = append(got, at.String())
	}
	want := []string{"http[0].fault.delay", "http[0].headers.request", "http[0].match[0].uri", "http[0].route[0].headers"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
