package faults_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
)

// creating is the number of requests that create a gateway without running proxies: 7 to check that no companion exists, 1 for the Gateway, 6
// for companions, and 7 to check whether they are ready.
const creating = 21

// held runs an apply of gateways. Each gateway waits for the response to a different request of its create, until stop calls release.
func held(t *testing.T, stop func(apply *acctest.Command, release func())) (m *matrix) {
	t.Helper()
	namespace := acctest.Namespace(t)
	var cells []*cell
	var arrived sync.WaitGroup
	release := make(chan struct{})
	for k := range int64(creating) {
		arrived.Add(1)
		cells = append(cells, &cell{Kind: "gateway", Namespace: namespace, Name: fmt.Sprint("gw-", k+1), k: k + 1, fault: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			arrived.Done()
			<-release
			w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
			w.WriteHeader(answer.Code)
			answer.Body.WriteTo(w) //nolint:errcheck // the client may be gone
		}})
	}
	m = newMatrix(t, "testdata/kinds", cells)
	m.tf.Setenv("KUBE_DRY_RUN", "never") // otherwise the number of requests depends on how many plans run again before the first create
	m.tf.Must("plan", "-out=create")
	m.armed.Store(true)
	apply := m.tf.Start("apply", fmt.Sprint("-parallelism=", creating), "create")
	all := make(chan struct{})
	go func() {
		arrived.Wait()
		close(all)
	}()
	select {
	case <-all:
	case <-apply.Ended:
		close(release)
		t.Fatalf("the apply ended before each gateway's request had come:\n%s", apply.Wait())
	}
	stop(apply, func() { close(release) })
	m.armed.Store(false)
	m.tf.Setenv("KUBE_DRY_RUN", "auto")
	return m
}

// After Ctrl-C at each request of a gateway's create, the next apply completes the gateway.
func TestAccFaults_interrupted(t *testing.T) {
	t.Parallel()
	m := held(t, func(apply *acctest.Command, release func()) {
		apply.Interrupt()
		apply.WaitFor("Interrupt received")
		release()
		if errors := apply.Wait().Errors(); !strings.Contains(errors.String(), "execution halted") {
			t.Errorf("the apply was not interrupted:\n%s", errors)
		}
	})
	m.heal()
	m.tf.Must("destroy", "-auto-approve")
}

// Terraform and the provider are killed at each request of a gateway's create. Objects that exist by then are in no state, but the error of the
// next plan says how to import them, and the apply then completes the gateway.
func TestAccFaults_killed(t *testing.T) {
	t.Parallel()
	m := held(t, func(apply *acctest.Command, release func()) {
		apply.Kill()
		release()
	})
	before := m.there()
	var imports strings.Builder
	for _, d := range m.tf.Run("plan").Errors() {
		block := importBlock.FindString(d.Detail)
		if block == "" {
			t.Errorf("no import block: %s", d)
		}
		imports.WriteString(strings.Replace(block, "to = "+strings.Fields(block)[4], "to = "+d.Address, 1) + "\n")
	}
	if imports.Len() == 0 {
		t.Error("nothing was created before the end")
	}
	m.tf.Configure(acctest.Folder(t, "", map[string]string{"imports.tf": imports.String()}))
	m.tf.Must("apply", "-auto-approve")
	m.tf.Empty()
	after := m.agree(false)
	for object, uid := range before {
		if after[object] != uid {
			t.Errorf("%s had the UID %s, and now %q", object, uid, after[object])
		}
	}
	m.tf.Must("destroy", "-auto-approve")
}

var importBlock = regexp.MustCompile(`(?s)import \{.*?\}`)
