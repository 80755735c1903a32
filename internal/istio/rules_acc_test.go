package istio_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

// A value that is known only after apply breaks no rule at plan. If it turns out to be invalid, nothing is sent.
func TestAccRules_unknown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		port   int
		errors []string
	}{
		"right": {8080, nil},
		"wrong": {70000, []string{
			`lamia_gateway\.later, .*Invalid Istio configuration: At servers\[0\]\.port\.number: port number 70000 must be`,
			`lamia_service_entry\.later, .*At ports\[0\]\.number: The value is 70000, but must be a whole number from 1 to 65535`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := acctest.Namespace(t)
			tf := acctest.NewTerraform(t, "testdata/rules", "", map[string]any{"namespace": namespace, "port": c.port})
			tf.Must("validate")
			tf.Must("plan")
			errors := tf.Run("apply", "-auto-approve").Errors()
			if len(errors) != len(c.errors) {
				t.Errorf("%d errors, want %d:\n%s", len(errors), len(c.errors), errors)
			}
			for _, want := range c.errors {
				if !regexp.MustCompile(`(?s)` + want).MatchString(errors.String()) {
					t.Errorf("no error is as said: %s\n%s", want, errors)
				}
			}
			if c.errors == nil {
				tf.Empty()
			}
			tf.Must("destroy", "-auto-approve", "-var", "port=8080") // Terraform validates before it destroys
		})
	}
}

// The plan has one warning for each configuration that istiod warns about or that is probably a mistake, at the attribute.
func TestAccRules_warnings(t *testing.T) {
	t.Parallel()
	namespace := acctest.Namespace(t)
	acctest.NewObject(t, istio.Service(), namespace, "a").Create(`{"ports":[{"name":"http","port":80}]}`, nil)
	tf := acctest.NewTerraform(t, "testdata/warnings", "", map[string]any{"namespace": namespace})
	want := []string{
		`at "http = \[.*": warning: virtualService rule #1 not used \(route without matches defined before\): At http\[1\]\.match\[0\]: This VirtualService is accepted, but istiod warns about it\. Change this attribute, or http\[0\]\.`,
		`at "http = \[.*": warning: The path /service1/x becomes //x, and /service10 becomes /0: At http\[1\]\.match\[0\]\.uri\.prefix: .* prefix = "/service1/" instead`,
	}
	check := func(command string, got acctest.Diagnostics, times int) {
		t.Helper()
		got = slices.DeleteFunc(got, func(d acctest.Diagnostic) bool { return d.Address == "" }) // of Terraform itself
		for _, w := range want {
			n := 0
			for _, d := range got {
				if regexp.MustCompile(`(?s)` + w).MatchString(d.String()) {
					n++
				}
			}
			if n != times {
				t.Errorf("terraform %s says %d times, not %d: %s", command, n, times, w)
			}
		}
		if len(got) != times*len(want) {
			t.Errorf("terraform %s says:\n%s", command, got)
		}
	}
	check("plan", tf.Run("plan"), 1)
	check("apply", tf.Run("apply", "-auto-approve"), 2) // the apply plans first, and Terraform shows the warnings of both; those of the API server are not repeated
	check("plan", tf.Run("plan"), 1)
	tf.Must("destroy", "-auto-approve")
}
