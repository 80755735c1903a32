package engine

import (
	"errors"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/magneticio/terraform-provider-lamia/internal/kube"
)

// A plan of many objects reports only once that the API server is down. An apply reports it for each object, since Terraform considers an apply
// without an error a success.
func TestFail_down(t *testing.T) {
	t.Parallel()
	var diagnostics diag.Diagnostics
	s := &session{kind: &Kind{Kind: "VirtualService"}, run: NewRun(kube.NewUnknownConnection("a", "host"), false), diagnostics: &diagnostics}
	down := &kube.DownError{Last: errors.New("EOF")}
	for range 3 {
		s.fail("get", down)
	}
	if n := diagnostics.ErrorsCount(); n != 1 {
		t.Errorf("a plan has %d errors, want 1", n)
	}
	s.run.applying.Store(true)
	for _, name := range []string{"a", "b"} {
		s.fail("get", &companionError{"get", kube.Object{Kind: "Service", Name: name}, down})
	}
	if n := diagnostics.ErrorsCount(); n != 3 {
		t.Errorf("an apply has %d errors more, want 2", n-1)
	}
}
