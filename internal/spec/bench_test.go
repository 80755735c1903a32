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

func BenchmarkEncode(b *testing.B) {
	m := messages["VirtualService"]
	value := random(m, rand.New(rand.NewPCG(7, 31)))
	for b.Loop() {
		if _, err := m.Encode(value); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	m := messages["VirtualService"]
	object, err := m.Encode(random(m, rand.New(rand.NewPCG(7, 31))))
	if err != nil {
		b.Fatal(err)
	}
	prior := null(m)
	for b.Loop() {
		if _, _, err := m.Decode(object, prior); err != nil {
			b.Fatal(err)
		}
	}
}
