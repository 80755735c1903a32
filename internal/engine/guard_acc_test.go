package engine_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

// stored returns the spec of testdata/stale with this timeout.
func stored(timeout string) string {
	return `{"hosts":["a.example.com"],"http":[{"timeout":"` + timeout + `","route":[{"destination":{"host":"svc"}}]}]}`
}

// An apply writes what the plan showed, or nothing: it does not overwrite what someone else has written since the plan.
func TestAccObject_stalePlan(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		meanwhile func(o *acctest.Object)
		wants     []string // words of the only error; none if the plan can still be applied
		field     string   // the attribute of the error
		spec      string
		labels    map[string]string
	}{
		"same field": {
			meanwhile: func(o *acctest.Object) { o.Patch(`{"spec":` + stored("7s") + `}`) },
			wants: []string{"has changed since the plan", "spec.http was changed", `last written by "` + acctest.SomeoneElse + `" at 20`,
				"Nothing was written", "Plan again"},
			field: "http", spec: stored("7s"), labels: map[string]string{"timeout": "1s"},
		},
		"same label": {
			meanwhile: func(o *acctest.Object) { o.Patch(`{"metadata":{"labels":{"timeout":"theirs"}}}`) },
			wants:     []string{"has changed since the plan", "metadata.labels.timeout was changed", `last written by "` + acctest.SomeoneElse + `"`},
			field:     "labels", spec: stored("1s"), labels: map[string]string{"timeout": "theirs"},
		},
		"field removed": {
			meanwhile: func(o *acctest.Object) {
				o.Patch(`{"spec":{"http":null,"tcp":[{"route":[{"destination":{"host":"svc"}}]}]}}`)
			},
			wants: []string{"spec.http was removed"},
			spec:  `{"hosts":["a.example.com"],"tcp":[{"route":[{"destination":{"host":"svc"}}]}]}`, labels: map[string]string{"timeout": "1s"},
		},
		"same value": {
			meanwhile: func(o *acctest.Object) { o.Patch(`{"spec":` + stored("2s") + `}`) },
			spec:      stored("2s"), labels: map[string]string{"timeout": "2s"},
		},
		"elsewhere": {
			meanwhile: func(o *acctest.Object) {
				o.Patch(`{"metadata":{"labels":{"theirs":"x"},"annotations":{"theirs":"x"},"finalizers":[]},"spec":{"exportTo":["."]}}`)
			},
			spec:   strings.Replace(stored("2s"), `{`, `{"exportTo":["."],`, 1),
			labels: map[string]string{"timeout": "2s", "theirs": "x"},
		},
		"replaced": {
			meanwhile: func(o *acctest.Object) {
				o.Delete()
				o.Create(stored("1s"), map[string]string{"timeout": "1s"})
			},
			wants: []string{"has changed since the plan", "another with the same name (UID ", "Nothing was written"},
			spec:  stored("1s"), labels: map[string]string{"timeout": "1s"},
		},
		"deleted": {
			meanwhile: (*acctest.Object).Delete,
			wants:     []string{"not updated: it does not exist", "Plan again"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := acctest.NewObject(t, istio.VirtualService(), acctest.Namespace(t), "test")
			tf := acctest.NewTerraform(t, "testdata/stale", "", map[string]any{"namespace": o.Namespace})
			tf.Must("apply", "-auto-approve")
			tf.Must("plan", "-out=plan", "-var=timeout=2s")
			test.meanwhile(o)
			var before *unstructured.Unstructured
			if o.Exists() {
				before = o.Live()
			}
			expect(t, tf.Run("apply", "plan"), test.wants, test.field)
			if !slices.Equal(tf.State(), []string{"lamia_virtual_service.test"}) {
				t.Errorf("the state holds %v", tf.State())
			}
			if before == nil {
				return
			}
			if len(test.wants) > 0 {
				check(t, o.Untouched(before))
			}
			check(t, o.Stores(test.spec)())
			for key, value := range test.labels {
				check(t, o.HasLabel(key, value)())
			}
		})
	}
}

// If the object changes between the provider's read and write, the API server rejects the write. The provider reads the object again and decides
// whether to write as if the change had been made before.
func TestAccObject_updateConflict(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		meanwhile string
		wants     []string
		timeout   string
	}{
		"elsewhere":  {meanwhile: `{"metadata":{"labels":{"theirs":"x"}}}`, timeout: "2s"},
		"same field": {meanwhile: `{"metadata":{"labels":{"theirs":"x"}},"spec":` + stored("7s") + `}`, wants: []string{"spec.http was changed"}, timeout: "7s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := acctest.NewObject(t, istio.VirtualService(), acctest.Namespace(t), "test")
			var once sync.Once
			proxy := acctest.Proxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if r.Method == http.MethodPatch && !acctest.IsDryRun(r) {
					once.Do(func() { o.Patch(test.meanwhile) })
				}
				next.ServeHTTP(w, r)
			})
			tf := acctest.NewTerraform(t, "testdata/stale", proxy, map[string]any{"namespace": o.Namespace})
			tf.Must("apply", "-auto-approve")
			expect(t, tf.Run("apply", "-auto-approve", "-var=timeout=2s"), test.wants, "")
			check(t, o.Stores(stored(test.timeout))())
			check(t, o.HasLabel("theirs", "x")())
		})
	}
}

// An update whose response is lost is not considered the change of someone else, and a deletion whose response is lost is recognized as done.
func TestAccObject_answerLost(t *testing.T) {
	t.Parallel()
	o := acctest.NewObject(t, istio.VirtualService(), acctest.Namespace(t), "test")
	var changed, deleted sync.Once
	proxy := acctest.Proxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		lose := func() {
			next.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		switch {
		case acctest.IsDryRun(r):
		case r.Method == http.MethodPatch:
			changed.Do(lose)
		case r.Method == http.MethodDelete:
			deleted.Do(lose)
		}
		next.ServeHTTP(w, r)
	})
	tf := acctest.NewTerraform(t, "testdata/stale", proxy, map[string]any{"namespace": o.Namespace})
	tf.Must("apply", "-auto-approve")
	tf.Must("apply", "-auto-approve", "-var=timeout=2s")
	check(t, o.Stores(stored("2s"))())
	tf.Must("destroy", "-auto-approve")
	if state := tf.State(); len(state) > 0 || o.Exists() {
		t.Errorf("the state holds %v; the object exists: %v", state, o.Exists())
	}
}

// A field in ignore_changes is never written, whoever changes it and when, while other fields of the object are.
func TestAccObject_ignoreChanges(t *testing.T) {
	t.Parallel()
	o := acctest.NewObject(t, istio.VirtualService(), acctest.Namespace(t), "test")
	weights := func(stable, canary string) string {
		return `"http":[{"route":[{"destination":{"host":"svc","subset":"stable"},"weight":` + stable +
			`},{"destination":{"host":"svc","subset":"canary"},"weight":` + canary + `}]}]`
	}
	tf := acctest.NewTerraform(t, "testdata/canary", "", map[string]any{"namespace": o.Namespace})
	tf.Must("apply", "-auto-approve")
	check(t, o.Stores(`{"hosts":["a.example.com"],`+weights("100", "0")+`}`)())

	o.Patch(`{"spec":{` + weights("90", "10") + `}}`)
	tf.Must("plan", "-out=plan", "-var=host=b.example.com")
	o.Patch(`{"spec":{` + weights("50", "50") + `}}`)
	tf.Must("apply", "plan")
	check(t, o.Stores(`{"hosts":["b.example.com"],`+weights("50", "50")+`}`)())
}

// Only the object in the state is deleted, not another one that has replaced it.
func TestAccObject_deleteReplaced(t *testing.T) {
	t.Parallel()
	o := acctest.NewObject(t, istio.VirtualService(), acctest.Namespace(t), "test")
	tf := acctest.NewTerraform(t, "testdata/stale", "", map[string]any{"namespace": o.Namespace})
	tf.Must("apply", "-auto-approve")
	tf.Must("plan", "-destroy", "-out=plan")
	o.Delete()
	other := o.Create(stored("9s"), nil)
	diagnostics := tf.Run("apply", "plan")
	if errors := diagnostics.Errors(); len(errors) > 0 {
		t.Fatal(errors)
	}
	if !strings.Contains(diagnostics.String(), "was already deleted") {
		t.Errorf("no warning of it: %s", diagnostics)
	}
	check(t, o.Untouched(other))
	if state := tf.State(); len(state) > 0 {
		t.Errorf("the state holds %v", state)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// expect checks that there is exactly one error, with these words and this attribute. Without words, there must be no error.
func expect(t *testing.T, diagnostics acctest.Diagnostics, wants []string, attribute string) {
	t.Helper()
	errors := diagnostics.Errors()
	if len(wants) == 0 {
		if len(errors) > 0 {
			t.Errorf("unexpected errors:\n%s", errors)
		}
		return
	}
	if len(errors) != 1 {
		t.Fatalf("%d errors, want 1:\n%s", len(errors), errors)
	}
	text := errors[0].String()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("the error says\n%s\nbut not %q", text, want)
		}
	}
	if attribute != "" && !strings.HasPrefix(errors[0].Line(), attribute) {
		t.Errorf("the error is at %q, not at the attribute %s", errors[0].Line(), attribute)
	}
}
