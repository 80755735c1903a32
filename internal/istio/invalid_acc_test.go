package istio_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
)

// Invalid input is rejected as early as possible, with an error that names the problem and its place.
func TestAccKinds_invalid(t *testing.T) {
	t.Parallel()
	for command, c := range map[string]struct {
		folder string
		args   []string
	}{
		"validate": {"validate", []string{"validate"}},
		"plan":     {"plan", []string{"plan"}},
		"apply":    {"apply", []string{"apply", "-auto-approve"}},
	} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			namespace := acctest.Namespace(t)
			folder := filepath.Join("testdata", "invalid", c.folder)
			tf := acctest.NewTerraform(t, folder, "", map[string]any{"namespace": namespace})
			got := make(map[string][]string)
			for _, e := range tf.Run(c.args...).Errors() {
				address := e.Address
				if block := resourceBlock.FindStringSubmatch(e.Snippet.Context); block != nil { // an error of Terraform itself
					address = block[1] + "." + block[2]
				}
				got[address] = append(got[address], e.String())
			}
			for address, wants := range wantedErrors(t, filepath.Join(folder, "main.tf")) {
				if len(got[address]) != len(wants) {
					t.Errorf("%s: %d errors, want %d:\n%s", address, len(got[address]), len(wants), strings.Join(got[address], "\n"))
				}
				for i, want := range wants {
					if i < len(got[address]) && !want.MatchString(got[address][i]) {
						t.Errorf("%s:\n%s\nis not as said: %s", address, got[address][i], want)
					}
				}
				delete(got, address)
			}
			for address, errors := range got {
				t.Errorf("%s is refused, and should not be: %s", address, errors)
			}
			if state := tf.State(); len(state) > 0 {
				t.Errorf("the state holds %v", state)
			}
		})
	}
}

var resourceBlock = regexp.MustCompile(`^resource "(\w+)" "(\w+)"`)

// wantedErrors returns the errors that comments before a resource announce, by the resource's address.
func wantedErrors(t *testing.T, file string) map[string][]*regexp.Regexp {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	wants := make(map[string][]*regexp.Regexp)
	var announced []*regexp.Regexp
	for line := range strings.Lines(string(data)) {
		if text, ok := strings.CutPrefix(line, "# error: "); ok {
			announced = append(announced, regexp.MustCompile(`(?s)`+strings.TrimSpace(text)))
		} else if block := resourceBlock.FindStringSubmatch(line); block != nil {
			wants[block[1]+"."+block[2]], announced = announced, nil
		}
	}
	return wants
}
