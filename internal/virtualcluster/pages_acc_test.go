package virtualcluster_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
)

// crowd makes as many Deployments without pods, of ten applications, several at once.
func crowd(t *testing.T, namespace string, n int) {
	t.Helper()
	client := client(t).Resource(deployments).Namespace(namespace)
	numbers := make(chan int)
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for i := range numbers {
				labels := map[string]string{"app": fmt.Sprint("app", i%10), "version": fmt.Sprint("v", i/10)}
				if _, err := create(t.Context(), client, deployment(fmt.Sprintf("d-%04d", i), labels, 0), metav1.CreateOptions{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	workers.Wait()
}

// A thousand Deployments are read in pages. When the API server has forgotten what the pages are of, they are read all at once.
func TestAccVirtualCluster_pages(t *testing.T) {
	t.Parallel()
	const n = 1000
	name := acctest.Namespace(t)
	crowd(t, name, n)
	for variant, test := range map[string]struct {
		expired bool
		limits  []string // of the requests, in their order
	}{
		"pages":         {false, []string{"500", "500"}},
		"expired token": {true, []string{"500", "500", ""}},
	} {
		t.Run(variant, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var requests []url.Values
			proxy := acctest.Proxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if strings.HasSuffix(r.URL.Path, "/deployments") {
					mu.Lock()
					requests = append(requests, r.URL.Query())
					mu.Unlock()
					if test.expired && r.URL.Query().Has("continue") {
						expire(w)
						return
					}
				}
				next.ServeHTTP(w, r)
			})
			tf := acctest.NewTerraform(t, "testdata/one", proxy, map[string]any{"name": name})
			tf.Must("apply", "-auto-approve")
			var limits []string
			for i, query := range requests {
				limits = append(limits, query.Get("limit"))
				if first := i == 0 || i == 2; query.Has("continue") == first {
					t.Errorf("request %d: %v", i, query)
				}
			}
			if !slices.Equal(limits, test.limits) {
				t.Errorf("limits %q, want %q", limits, test.limits)
			}
			got := tf.Values(address)
			if all := got["deployments"].(object); len(all) != n || all["d-0000"] == nil || all["d-0999"] == nil {
				t.Errorf("%d Deployments, want %d", len(all), n)
			}
			applications := got["applications"].(object)
			if len(applications) != 10 {
				t.Errorf("%d applications, want 10", len(applications))
			}
			for name, a := range applications {
				if versions := a.(object)["versions"].(object); len(versions) != n/10 || versions["v99"].(object)["version"] != "v99" {
					t.Errorf("%s: %d versions, want %d", name, len(versions), n/10)
				}
			}
			tf.Empty()
		})
	}
}

// expire answers as an API server does whose store was compacted since the token was given out.
func expire(w http.ResponseWriter) {
	status := apierrors.NewResourceExpired("The provided continue parameter is too old to display a consistent list result.").Status()
	status.APIVersion, status.Kind = "v1", "Status"
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(int(status.Code))
	_ = json.NewEncoder(w).Encode(status)
}
