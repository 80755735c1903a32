package istio_test

import (
	"testing"
)

// BenchmarkAdmission measures how long it takes to check an object of Istio's tests, both as an object and as a configuration in terraform
// validate.
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
			valid[0].kind.Admission.Check(o) // the first check takes longer: see below
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

// BenchmarkAdmission_first measures the time until the first result, in which the schema is read and its rules are compiled.
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
