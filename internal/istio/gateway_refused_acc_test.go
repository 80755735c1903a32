package istio_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
)

// isApply reports whether the request applies a companion.
func isApply(r *http.Request) bool {
	return r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "-gateway")
}

func refuse(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusForbidden)
	w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"no Service today"}`)) //nolint:errcheck // the client may be gone
}

// If the API server rejects a companion after the Gateway is stored, a warning says that it was not created. The next plan shows that it is
// missing, and the next apply creates it without replacing others.
func TestAccGateway_refusedCreate(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "gw")
	var open atomic.Bool
	proxy := acctest.Proxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if isApply(r) && strings.Contains(r.URL.Path, "/services/") && !acctest.IsDryRun(r) && !open.Load() {
			refuse(w)
			return
		}
		next.ServeHTTP(w, r)
	})
	tf := acctest.NewTerraform(t, g.folder(idle), proxy, nil)
	warns(t, tf.Run("apply", "-auto-approve"), `Service "\S+/gw-gateway" not created: forbidden`, "no Service today", "Apply again to finish it")
	open.Store(true)
	before := g.live()
	before["Gateway"] = g.Live()
	if before["ServiceAccount"] == nil || before["Service"] != nil {
		t.Errorf("the companions are %v", before)
	}
	changes, _ := tf.Changes().([]any)
	if text := toJSON(t, changes); len(changes) != 1 || !strings.Contains(text, `"actions":["update"]`) || !strings.Contains(text, `"Service":"missing"`) {
		t.Errorf("planned is %s", text)
	}
	tf.Must("apply", "-auto-approve")
	tf.Empty()
	after := g.live()
	after["Gateway"] = g.Live()
	for kind, was := range before {
		if after[kind].GetUID() != was.GetUID() {
			t.Errorf("the %s was replaced", kind)
		}
	}
	tf.Must("destroy", "-auto-approve")
}

// If the plan could not know that the API server would reject a companion, the apply fails before it stores anything.
func TestAccGateway_refusedBefore(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "gw")
	var refusing atomic.Bool
	proxy := acctest.Proxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if isApply(r) && strings.Contains(r.URL.Path, "/services/") && refusing.Load() {
			refuse(w)
			return
		}
		next.ServeHTTP(w, r)
	})
	tf := acctest.NewTerraform(t, g.folder(idle), proxy, nil)
	tf.Must("plan", "-out=plan")
	refusing.Store(true)
	fails(t, tf.Run("apply", "plan"), `Service "\S+/gw-gateway" cannot be created: forbidden`, "no Service today")
	if g.Exists() || len(g.live()) > 0 || len(tf.State()) > 0 {
		t.Errorf("something was written: Gateway %v, companions %v, state %v", g.Exists(), g.live(), tf.State())
	}
}

// With dry_run = "never", the plan detects drift of a companion without a dry run. A dry run that gets no answer does not make a plan fail.
func TestAccGateway_dryRunOfRefresh(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"never", "auto"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, "gw")
			var dry atomic.Int64
			proxy := acctest.Proxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if acctest.IsDryRun(r) {
					dry.Add(1)
					panic(http.ErrAbortHandler)
				}
				next.ServeHTTP(w, r)
			})
			g.terraform(idle).Must("apply", "-auto-approve")
			tf := acctest.NewTerraform(t, acctest.Folder(t, g.folder(idle), map[string]string{
				"provider.tf": `provider "lamia" { dry_run = "` + mode + `" }`,
				"import.tf":   "import {\n  to = " + gatewayAddress + "\n  id = \"" + g.Namespace + "/gw\"\n}",
			}), proxy, nil)
			tf.Must("apply", "-auto-approve")
			dry.Store(0)
			g.companion("Service").Patch(`{"metadata":{"labels":{"app":"theirs"}}}`)
			changes := toJSON(t, tf.Changes())
			if told := strings.Contains(changes, `"companion_changes":{"Service":"metadata.labels.app`); told != (mode == "never") {
				t.Errorf("planned is %s", changes)
			}
			if n := dry.Load(); (n > 0) != (mode == "auto") {
				t.Errorf("%d dry runs", n)
			}
			tf.Must("destroy", "-auto-approve")
		})
	}
}
