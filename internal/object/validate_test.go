package object

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"istio.io/api/networking/v1alpha3"
	networking "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/magneticio/terraform-provider-lamia/internal/admission"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// A value that nobody guesses may turn out to be right all the same.
func TestValidate_unknownIsNoErrorWhateverIsGuessed(t *testing.T) {
	t.Parallel()
	m := spec.FromDescriptor((&v1alpha3.DestinationRule{}).ProtoReflect().Descriptor())
	field := func(m *spec.Message, name string) *spec.Field {
		for i := range m.Fields {
			if m.Fields[i].Name == name {
				return &m.Fields[i]
			}
		}
		t.Fatalf("no field %s", name)
		return nil
	}
	tunnel := field(field(m, "traffic_policy").Message, "tunnel").Message
	protocol := field(tunnel, "protocol")
	protocol.Scalar, protocol.Required = spec.Enum("SMOKE"), true // all there is to guess
	k := &Kind{
		Kind: "DestinationRule", Resource: networking.SchemeGroupVersion.WithResource("destinationrules"), Spec: m,
		ValidName: func(string) []string { return nil }, Admission: admission.DestinationRule(),
	}
	for protocol, want := range map[any]int{tftypes.UnknownValue: 0, "CONNECT": 0, "SMOKE": 1} {
		attributes, _, err := m.Decode(map[string]any{"host": "a", "trafficPolicy": map[string]any{
			"tunnel": map[string]any{"protocol": "", "targetHost": "a.example.com", "targetPort": int64(80)},
		}}, tftypes.NewValue(m.Type(), nil))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := tftypes.Transform(tftypes.NewValue(m.Type(), attributes), func(at *tftypes.AttributePath, v tftypes.Value) (tftypes.Value, error) {
			if at.String() == `AttributeName("traffic_policy").AttributeName("tunnel").AttributeName("protocol")` {
				return tftypes.NewValue(tftypes.String, protocol), nil
			}
			return v, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if errors := k.validate(t.Context(), framed(raw), false); len(errors) != want {
			t.Errorf("protocol %v: %d errors, want %d: %v", protocol, len(errors), want, errors)
		}
	}
}

// framed are the attributes of an object of this spec.
func framed(spec tftypes.Value) values {
	config := valuesOf(spec)
	config[attrName], config[attrNamespace] = tftypes.NewValue(tftypes.String, "a"), tftypes.NewValue(tftypes.String, "a")
	for _, name := range []string{attrLabels, attrAnnotations} {
		config[name] = tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, nil)
	}
	return config
}
