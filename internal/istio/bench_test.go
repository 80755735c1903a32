package istio_test

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/magneticio/terraform-provider-lamia/internal/admission"
)

// The time that judging takes for each of the objects in Istio's tests: of what is sent, of a configuration as Terraform asks the provider about
// it, and of one with half of its values unknown.
func BenchmarkAdmission(b *testing.B) {
	samples, _ := corpus(b)
	for _, kind := range []string{"Gateway", "VirtualService", "DestinationRule", "ServiceEntry"} {
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
		for name, every := range map[string]int{"known": 0, "unknown": 2} {
			configs := valid
			if every > 0 {
				configs = nil
				for _, s := range valid {
					i := 0
					configs = append(configs, s.with(b, func(_ *tftypes.AttributePath, v tftypes.Value) tftypes.Value {
						if i++; i%every == 0 && !v.IsNull() {
							return tftypes.NewValue(v.Type(), tftypes.UnknownValue)
						}
						return v
					}))
				}
			}
			b.Run(fmt.Sprintf("%s/validate, %s", kind, name), func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					configs[i%len(configs)].validate(b, "test", nil)
				}
			})
		}
	}
}

// The time until the first verdict: reading the schema and compiling its rules.
func BenchmarkAdmission_first(b *testing.B) {
	samples, _ := corpus(b)
	for kind, judges := range map[string]func() *admission.Judges{
		"Gateway": admission.Gateway, "VirtualService": admission.VirtualService, "DestinationRule": admission.DestinationRule, "ServiceEntry": admission.ServiceEntry,
	} {
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
					judges().Check(o)
				}
			})
			break
		}
	}
}
