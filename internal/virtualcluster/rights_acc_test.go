package virtualcluster_test

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
)

// The data source reads what a Role in the namespace allows. Everything else is null, with a warning that names the missing permission.
func TestAccVirtualCluster_rights(t *testing.T) {
	t.Parallel()
	for role, test := range map[string]struct {
		granted schema.GroupVersionResource
		null    []string
		warns   [][]string
	}{
		"all": {granted: deployments},
		"no-services": {
			granted: deployments,
			null:    []string{"services"},
			warns:   [][]string{{"Services in namespace", "forbidden", `resources: ["services"]`, `verbs: ["list"]`, "services is null"}},
		},
		"no-namespace": {
			granted: deployments,
			null:    []string{"labels", "annotations", "phase", "mesh"},
			warns:   [][]string{{"Namespace ", "forbidden", "Role in the namespace", `resources: ["namespaces"]`, `verbs: ["get"]`, "labels, annotations, phase and mesh are null"}},
		},
		"no-workloads": {
			granted: services,
			null:    []string{"deployments", "stateful_sets", "daemon_sets", "applications"},
			warns:   [][]string{{"Deployments in", "deployments is null"}, {"StatefulSets in", "stateful_sets is null"}, {"DaemonSets in", "daemon_sets is null"}},
		},
		"deployments-only": {
			granted: deployments,
			null:    []string{"labels", "annotations", "phase", "mesh", "stateful_sets", "daemon_sets", "services"},
			warns:   [][]string{{"Namespace "}, {"StatefulSets in"}, {"DaemonSets in"}, {"Services in"}},
		},
	} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			name := acctest.Namespace(t)
			must(t, deployments, name, deployment("a", map[string]string{"app": "shop", "version": "v1"}, 0))
			must(t, services, name, newService("svc", nil))
			tf := acctest.NewTerraform(t, "testdata/one", account(t, name, "testdata/rights/"+role+".yaml", test.granted), map[string]any{"name": name})
			diagnostics := ours(tf.Run("apply", "-auto-approve"))
			if len(diagnostics) != len(test.warns) {
				t.Fatalf("%d diagnostics, want %d:\n%s", len(diagnostics), len(test.warns), diagnostics)
			}
			for _, wants := range test.warns {
				i := slices.IndexFunc(diagnostics, func(d acctest.Diagnostic) bool { return strings.HasPrefix(d.Summary, wants[0]) })
				if i < 0 {
					t.Errorf("none of the diagnostics begins with %q:\n%s", wants[0], diagnostics)
					continue
				}
				expect(t, diagnostics[i:i+1], "warning", "", wants...)
			}
			for attribute, value := range tf.Values(address) {
				if null := slices.Contains(append(test.null, "label_selector", "application_labels", "version_labels", "timeouts"), attribute); null != (value == nil) {
					t.Errorf("%s is %v, want null: %v", attribute, value, null)
				}
			}
			tf.Empty()
		})
	}
}

func TestAccVirtualCluster_noRights(t *testing.T) {
	t.Parallel()
	name := acctest.Namespace(t)
	tf := acctest.NewTerraform(t, "testdata/one", acctest.Account(t, name, "testdata/rights/nothing.yaml"), map[string]any{"name": name})
	expect(t, tf.Run("plan"), "error", "name ", "No permission to read namespace", `user "system:serviceaccount:`+name+`:nothing"`,
		`resources: ["deployments", "statefulsets", "daemonsets"]`, `resources: ["services"]`, `resources: ["namespaces"]`)
}

// Permissions in every namespace do not include permission to list namespaces.
func TestAccVirtualClusters_noRights(t *testing.T) {
	t.Parallel()
	name := acctest.Namespace(t)
	tf := acctest.NewTerraform(t, "testdata/many", account(t, name, "testdata/rights/all.yaml", deployments), nil)
	expect(t, tf.Run("plan"), "error", "", `Namespaces with labels "vamp-managed" not read: forbidden`, "in the whole cluster", "ClusterRole",
		`resources: ["namespaces"]`, `verbs: ["list"]`)
}
