package engine_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

// numbered returns the object of lamia_service_entry.test[i] in testdata/many.
func numbered(t *testing.T, namespace string, i int) *acctest.Object {
	t.Helper()
	return acctest.NewObject(t, istio.ServiceEntry(), namespace, fmt.Sprint("test-", i))
}

// existing returns the addresses of the resources of testdata/many whose objects exist.
func existing(t *testing.T, namespace string) (addresses []string) {
	t.Helper()
	for i := range 6 {
		if numbered(t, namespace, i).Exists() {
			addresses = append(addresses, fmt.Sprintf("lamia_service_entry.test[%d]", i))
		}
	}
	return addresses
}

func isCreate(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/serviceentries") && !acctest.IsDryRun(r)
}

// After Ctrl-C during an apply, the state has exactly what exists in the cluster, and the next apply creates the rest.
func TestAccObject_interrupt(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]bool{"request on its way": false, "answer on its way": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := acctest.Namespace(t)
			held, release := make(chan struct{}, 6), make(chan struct{})
			proxy := acctest.Proxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if !isCreate(r) {
					next.ServeHTTP(w, r)
					return
				}
				if late {
					answer := httptest.NewRecorder()
					next.ServeHTTP(answer, r)
					defer func() { // runs after the release
						w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
						w.WriteHeader(answer.Code)
						answer.Body.WriteTo(w) //nolint:errcheck // the client may be gone
					}()
				}
				held <- struct{}{}
				<-release
				if !late {
					next.ServeHTTP(w, r)
				}
			})
			tf := acctest.NewTerraform(t, "testdata/many", proxy, map[string]any{"namespace": namespace})
			apply := tf.Start("apply", "-auto-approve", "-parallelism=2")
			<-held
			<-held
			apply.Interrupt()
			apply.WaitFor("Interrupt received")
			close(release)
			if errors := apply.Wait().Errors(); !strings.Contains(errors.String(), "execution halted") {
				t.Errorf("the apply was not interrupted:\n%s", errors)
			}
			exist := existing(t, namespace)
			if len(exist) == 6 {
				t.Error("the apply went on after the interrupt")
			}
			if len(exist) < 2 {
				t.Errorf("requests that were sent were given up: only %v exist", exist)
			}
			if state := tf.State(); !slices.Equal(state, exist) {
				t.Errorf("the state holds %v, the cluster %v", state, exist)
			}
			tf.Must("apply", "-auto-approve")
			if exist := existing(t, namespace); len(exist) != 6 || !slices.Equal(tf.State(), exist) {
				t.Errorf("afterwards the state holds %v, the cluster %v", tf.State(), exist)
			}
			tf.Must("destroy", "-auto-approve")
			if exist := existing(t, namespace); len(exist) > 0 {
				t.Errorf("left behind: %v", exist)
			}
		})
	}
}

// An object that was created although the response was lost is in the state.
func TestAccObject_createAnswerLost(t *testing.T) {
	t.Parallel()
	namespace := acctest.Namespace(t)
	proxy := acctest.Proxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if isCreate(r) {
			next.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	})
	tf := acctest.NewTerraform(t, "testdata/many", proxy, map[string]any{"namespace": namespace})
	tf.Must("apply", "-auto-approve")
	if exist := existing(t, namespace); len(exist) != 6 || !slices.Equal(tf.State(), exist) {
		t.Errorf("the state holds %v, the cluster %v", tf.State(), exist)
	}
	tf.Empty()
}

// If the connection to the API server is lost during an apply, the state has every object that may exist: the first one does, the second one
// does not. When the server is back, the next apply creates both. It recreates the first one, because Terraform taints a resource whose create
// failed.
func TestAccObject_serverLost(t *testing.T) {
	t.Parallel()
	namespace := acctest.Namespace(t)
	var gone, back atomic.Bool
	proxy := acctest.Proxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if isCreate(r) && gone.CompareAndSwap(false, true) {
			next.ServeHTTP(httptest.NewRecorder(), r)
		}
		if gone.Load() && !back.Load() {
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	})
	tf := acctest.NewTerraform(t, "testdata/many", proxy, map[string]any{"namespace": namespace, "objects": 2})
	errors := tf.Run("apply", "-auto-approve", "-parallelism=1").Errors()
	if len(errors) != 2 {
		t.Errorf("%d errors, want 2", len(errors))
	}
	for _, e := range errors {
		if text := e.String(); !strings.Contains(text, "not created: the connection was lost") || !strings.Contains(text, "Plan again to see") {
			t.Errorf("an error says\n%s", text)
		}
	}
	if exist, state := existing(t, namespace), tf.State(); len(exist) != 1 || !slices.Contains(state, exist[0]) {
		t.Errorf("the state holds %v, the cluster %v", state, exist)
	}
	back.Store(true)
	tf.Must("apply", "-auto-approve")
	if exist := existing(t, namespace); len(exist) != 2 || !slices.Equal(tf.State(), exist) {
		t.Errorf("afterwards the state holds %v, the cluster %v", tf.State(), exist)
	}
	tf.Empty()
}

// An object that waits for a finalizer stays in the state, and the error names the finalizer.
func TestAccObject_deleteTimeout(t *testing.T) {
	t.Parallel()
	o := acctest.NewObject(t, istio.ServiceEntry(), acctest.Namespace(t), "test")
	tf := acctest.NewTerraform(t, "testdata/timeouts", "", map[string]any{"namespace": o.Namespace})
	tf.Must("apply", "-auto-approve")
	o.Patch(`{"metadata":{"finalizers":["example.com/guard"]}}`)
	expect(t, tf.Run("destroy", "-auto-approve"), []string{"is not deleted yet", "example.com/guard", "timeouts"}, "")
	if !slices.Equal(tf.State(), []string{"lamia_service_entry.test"}) {
		t.Errorf("the state holds %v", tf.State())
	}
	o.Patch(`{"metadata":{"finalizers":[]}}`)
	tf.Must("destroy", "-auto-approve")
	if state := tf.State(); len(state) > 0 || o.Exists() {
		t.Errorf("the state holds %v; the object exists: %v", state, o.Exists())
	}
}

// If the response to a create is lost and an equal object exists, it belongs to whoever created it. The provider recognizes its own object even
// if a webhook has changed it.
func TestAccObject_whose(t *testing.T) {
	t.Parallel()
	for name, own := range map[string]bool{"theirs": false, "own, changed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := acctest.Namespace(t)
			o := numbered(t, namespace, 0)
			proxy := acctest.Proxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if !isCreate(r) {
					next.ServeHTTP(w, r)
					return
				}
				if own {
					next.ServeHTTP(httptest.NewRecorder(), r)
					o.Patch(`{"spec":{"hosts":["changed.example.com"]}}`)
				} else {
					acctest.NewTerraform(t, "testdata/many", "", map[string]any{"namespace": namespace, "objects": 1}).Must("apply", "-auto-approve")
				}
				panic(http.ErrAbortHandler)
			})
			tf := acctest.NewTerraform(t, "testdata/many", proxy, map[string]any{"namespace": namespace, "objects": 1})
			said := tf.Run("apply", "-auto-approve")
			if !own {
				expect(t, said, []string{"already exists", "import {"}, "")
				if state := tf.State(); len(state) > 0 {
					t.Errorf("the state holds %v", state)
				}
				return
			}
			expect(t, said, nil, "")
			if !strings.Contains(said.String(), "was changed by an admission webhook") {
				t.Errorf("it is not said that the object was changed:\n%s", said)
			}
			uid := o.Live().GetUID()
			tf.Must("apply", "-auto-approve")
			tf.Empty()
			if now := o.Live().GetUID(); now != uid {
				t.Errorf("the object of UID %s was replaced by %s", uid, now)
			}
		})
	}
}

// Two resources for one object are an error of the plan, even without a cluster.
func TestAccObject_twice(t *testing.T) {
	t.Parallel()
	entry := func(address string) string {
		return `resource "lamia_service_entry" "` + address + `" {
  name  = "test"
  hosts = ["a.example.com"]
  ports = [{ number = 80, name = "http", protocol = "HTTP" }]
}
`
	}
	tf := acctest.NewTerraform(t, acctest.Folder(t, "", map[string]string{"main.tf": entry("a") + entry("b")}), acctest.Unreachable(t), nil)
	expect(t, tf.Run("plan"), []string{`ServiceEntry "default/test" is configured twice`, "terraform state rm"}, "name")
}
