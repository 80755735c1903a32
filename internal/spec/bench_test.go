package spec_test

import (
	"math/rand/v2"
	"testing"

	"istio.io/api/networking/v1alpha3"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

func BenchmarkFromDescriptor(b *testing.B) {
	d := (&v1alpha3.DestinationRule{}).ProtoReflect().Descriptor()
	for b.Loop() {
		spec.FromDescriptor(d)
	}
}

func BenchmarkAttributes(b *testing.B) {
	m := messages["DestinationRule"]
	for b.Loop() {
		m.Attributes()
	}
}

// BenchmarkWire converts a virtual service from Terraform's wire format to the API server's JSON and back.
func BenchmarkWire(b *testing.B) {
	m := messages["VirtualService"]
	tree := random(m, rand.New(rand.NewPCG(7, 31)))
	data, err := m.Marshal(tree)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("unmarshal", func(b *testing.B) {
		for b.Loop() {
			if _, err := m.Unmarshal(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("marshal", func(b *testing.B) {
		for b.Loop() {
			if _, err := m.Marshal(tree); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			if _, err := m.Encode(tree); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("observe", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := m.Observe(tree, tree); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("validate", func(b *testing.B) {
		for b.Loop() {
			m.Validate(tree)
		}
	})
}
