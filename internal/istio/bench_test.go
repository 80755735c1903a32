package istio_test

import (
	"testing"
)

// The time to check each of the objects in Istio's tests: as an object, and as a configuration that Terraform validates.
func BenchmarkAdmission(b *testing.B) {
	samples, _ := corpus(b)
	for kind := range istioKinds() {
		var valid []sample
		for _, s := range samples {
			if errors, warnings := s.validate(b, "test", nil); s.kind.Kind == kind && len(errors)+len(warnings) == 0 {
				valid = append(valid, s)
			}
		}
		if o, err := valid[0].object("test"); err == nil {
			valid[0].kind.Admission.Check(o) // the first takes longer: see below
		}
		b.Run(kind+"/check", func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				s := valid[i%len(valid)]
				o, err := s.object("test")
				if err != nil {
					b.Fatal(err)
				}
				s.kind.Admission.Check(o)
			}
		})
		b.Run(kind+"/validate", func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				valid[i%len(valid)].validate(b, "test", nil)
			}
		})
	}
}

// The time until the first verdict: reading the schema and compiling its rules.
func BenchmarkAdmission_first(b *testing.B) {
	samples, _ := corpus(b)
	for kind := range istioKinds() {
		for _, s := range samples {
			if s.kind.Kind != kind {
				continue
			}
			o, err := s.object("test")
			if err != nil {
				b.Fatal(err)
			}
			b.Run(kind, func(b *testing.B) {
				for b.Loop() {
					istioKinds()[kind].Admission.Check(o)
				}
			})
			break
		}
	}
}
