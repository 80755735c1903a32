package engine_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

// A dry run changes neither the plan nor the cluster.
func TestAccDryRun_noEffect(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, s specimen, o *acctest.Object) {
		tf := acctest.NewTerraform(t, s.dir("minimal"), "", map[string]any{"namespace": o.Namespace})
		plan := func(mode string) any {
			tf.Configure(acctest.Folder(t, "", map[string]string{"provider.tf": fmt.Sprintf("provider \"lamia\" { dry_run = %q }\n", mode)}))
			return tf.Changes()
		}
		same := func(what string) {
			t.Helper()
			never := plan("never")
			for _, mode := range []string{"auto", "required"} {
				if got := plan(mode); !reflect.DeepEqual(got, never) {
					t.Errorf("%s: with %q the plan is\n%v\nwith \"never\"\n%v", what, mode, got, never)
				}
			}
		}
		same("to create")
		check(t, o.Expect(false))
		tf.Must("apply", "-auto-approve")
		before := o.Live()
		same("nothing")
		tf.Configure(s.dir("changed"))
		same("to update")
		check(t, o.Untouched(before))
	})
}

// There is one dry run for each object that is created or changed, and none for others. Its warnings are shown once by the plan and once by the
// apply.
func TestAccDryRun_requests(t *testing.T) {
	t.Parallel()
	o := acctest.NewObject(t, istio.VirtualService(), acctest.Namespace(t), "test")
	var tries atomic.Int32
	proxy := acctest.Proxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if acctest.IsDryRun(r) {
			tries.Add(1)
		}
		if r.Method != http.MethodGet {
			w.Header().Set("Warning", `299 - "mind the gap"`)
		}
		next.ServeHTTP(w, r)
	})
	tf := acctest.NewTerraform(t, "testdata/stale", proxy, map[string]any{"namespace": o.Namespace})
	does := func(wantTries, wantWarnings int, args ...string) {
		t.Helper()
		tries.Store(0)
		said := tf.Run(args...)
		if errors := said.Errors(); len(errors) > 0 {
			t.Fatal(errors)
		}
		if got := tries.Load(); int(got) != wantTries {
			t.Errorf("%s: %d dry runs, want %d", args, got, wantTries)
		}
		if got := strings.Count(said.String(), "mind the gap"); got != wantWarnings {
			t.Errorf("%s: %d warnings, want %d:\n%s", args, got, wantWarnings, said)
		}
	}
	does(1, 1, "plan")
	does(2, 2, "apply", "-auto-approve") // the apply plans again
	does(0, 0, "plan")
	does(1, 1, "plan", "-var=timeout=2s")
	does(1, 1, "plan", "-replace=lamia_virtual_service.test", "-var=timeout=2s")
	does(0, 0, "plan", "-destroy")
}

// Once an apply has written something, it does no more dry runs.
func TestAccDryRun_applying(t *testing.T) {
	t.Parallel()
	namespace := acctest.Namespace(t)
	var tries atomic.Int32
	proxy := acctest.Proxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if acctest.IsDryRun(r) {
			tries.Add(1)
		}
		next.ServeHTTP(w, r)
	})
	tf := acctest.NewTerraform(t, "testdata/many", proxy, map[string]any{"namespace": namespace})
	tf.Must("apply", "-auto-approve", "-parallelism=1")
	if got := tries.Load(); got != 7 {
		t.Errorf("%d dry runs of 6 objects, want 6 of the plan and that of the first when it is applied", got)
	}
}

// With values that are unknown at plan, the dry run happens during the apply, before the object is written.
func TestAccDryRun_unknown(t *testing.T) {
	t.Parallel()
	namespace := acctest.Namespace(t)
	forbidHost(t, namespace)
	folder := acctest.Folder(t, "testdata/dry_run", map[string]string{
		"later.tf":    `resource "terraform_data" "host" { input = var.host }`,
		"override.tf": `resource "lamia_virtual_service" "test" { hosts = [terraform_data.host.output] }`,
	})
	for mode, want := range map[string]string{"auto": "cannot be created: refused by", "required": "cannot be created: refused by", "never": "not created: refused by"} {
		tf := acctest.NewTerraform(t, folder, "", map[string]any{"namespace": namespace, "host": "b.example.com"})
		tf.Must("plan", virtualService, "-var=dry_run="+mode)
		says(t, tf.Run("apply", "-auto-approve", virtualService, "-var=dry_run="+mode), "error", want, "another team's")
	}
	check(t, acctest.NewObject(t, istio.VirtualService(), namespace, "test").Expect(false))
}
