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

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
)

// Deployments are read in pages, or all at once if the API server no longer has the list's version.
func TestAccVirtualCluster_pages(t *testing.T) {
	t.Parallel()
	// There are only 20 Deployments, because hundreds would slow down the cluster's controllers for all other tests. By default, the controllers
	// write 20 times per second.
	const n, page = 20, "10"
	name := acctest.Namespace(t)
	for i := range n {
		labels := map[string]string{"app": fmt.Sprint("app", i%10), "version": fmt.Sprint("v", i/10)}
		must(t, deployments, name, deployment(fmt.Sprintf("d-%02d", i), labels, 0))
	}
	for variant, test := range map[string]struct {
		expired bool
		limits  []string // of the requests, in order
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
					query := r.URL.Query()
					mu.Lock()
					requests = append(requests, r.URL.Query())
					mu.Unlock()
					if test.expired && query.Has("continue") {
						expire(w)
						return
					}
					if query.Has("limit") {
						query.Set("limit", page)
						r.URL.RawQuery = query.Encode()
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
			if all := got["deployments"].(object); len(all) != n || all["d-00"] == nil || all["d-19"] == nil {
				t.Errorf("%d Deployments, want %d", len(all), n)
			}
			applications := got["applications"].(object)
			if len(applications) != 10 {
				t.Errorf("%d applications, want 10", len(applications))
			}
			for name, a := range applications {
				if versions := a.(object)["versions"].(object); len(versions) != n/10 || versions["v1"].(object)["version"] != "v1" {
					t.Errorf("%s: %d versions, want %d", name, len(versions), n/10)
				}
			}
			tf.Empty()
		})
	}
}

// expire answers like an API server that has compacted its store since it issued the continue token.
func expire(w http.ResponseWriter) {
	status := apierrors.NewResourceExpired("The provided continue parameter is too old to display a consistent list result.").Status()
	status.APIVersion, status.Kind = "v1", "Status"
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(int(status.Code))
	_ = json.NewEncoder(w).Encode(status)
}
