package virtualcluster_test

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/virtualcluster"
)

const listAddress = "data.lamia_virtual_clusters.test"

// The data sources agree with what Istio's webhook does to a new pod in the namespace.
func TestAccVirtualClusters_mesh(t *testing.T) {
	t.Parallel()
	group := unique()
	names := make(map[string]string)
	for variant, m := range virtualcluster.Memberships {
		labels := m.Labels()
		labels["mesh-test"] = group
		names[variant] = namespace(t, labels, nil)
	}
	tf := acctest.NewTerraform(t, "testdata/many", "", map[string]any{"label_selector": "mesh-test=" + group})
	tf.Must("apply", "-auto-approve")
	tf.Empty()
	got := tf.Values(listAddress)["virtual_clusters"].(object)
	if len(got) != len(names) {
		t.Errorf("%d namespaces, want %d", len(got), len(names))
	}
	for variant, m := range virtualcluster.Memberships {
		want := object{"mode": m.Mode, "revision": nil}
		if m.Revision != "" {
			want["revision"] = m.Revision
		}
		cluster, _ := got[names[variant]].(object)
		if !reflect.DeepEqual(cluster["mesh"], want) {
			t.Errorf("%s: %v, want %v", variant, cluster["mesh"], want)
		}
		// Only the default revision is installed.
		if injected := injected(t, names[variant]); injected != (m.Mode == "sidecar" && m.Revision == "default") {
			t.Errorf("%s: Istio injects a sidecar: %v", variant, injected)
		}
	}
}

// injected reports whether Istio would give a new pod in the namespace a sidecar.
func injected(t *testing.T, namespace string) bool {
	t.Helper()
	pod := &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Name: "test"}, Spec: template(nil).Spec}
	made, err := create(t.Context(), client(t).Resource(pods).Namespace(namespace), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"containers", "initContainers"} {
		containers, _, _ := unstructured.NestedSlice(made.Object, "spec", field)
		if slices.ContainsFunc(containers, func(c any) bool { return c.(object)["name"] == "istio-proxy" }) {
			return true
		}
	}
	return false
}

// By default, the data source finds namespaces with the label vamp-managed, as Vamp Lamia did.
func TestAccVirtualClusters_selectors(t *testing.T) {
	t.Parallel()
	group := unique()
	lamia := namespace(t, map[string]string{"vamp-managed": "true", "group": group}, map[string]string{"owner": "a"})
	other := namespace(t, map[string]string{"group": group}, nil)
	for name, test := range map[string]struct {
		variables     object
		with, without []string
	}{
		"default":     {nil, []string{lamia}, []string{other, "default"}},
		"a label":     {object{"label_selector": "group=" + group}, []string{lamia, other}, []string{"default"}},
		"not a label": {object{"label_selector": "!vamp-managed,group"}, []string{other}, []string{lamia, "default"}},
		"all":         {object{"label_selector": ""}, []string{lamia, other, "default"}, nil},
		"none":        {object{"label_selector": "group=none-" + group}, nil, []string{lamia, other, "default"}},
	} {
		tf := acctest.NewTerraform(t, "testdata/many", "", test.variables)
		tf.Must("apply", "-auto-approve")
		got, ok := tf.Values(listAddress)["virtual_clusters"].(object)
		if !ok {
			t.Errorf("%s: no map", name)
		}
		for _, namespace := range test.with {
			if got[namespace] == nil {
				t.Errorf("%s: %s is missing among %v", name, namespace, slices.Sorted(maps.Keys(got)))
			}
		}
		for _, namespace := range test.without {
			if got[namespace] != nil {
				t.Errorf("%s: %s is there", name, namespace)
			}
		}
		if name == "a label" {
			want := object{
				"labels":      object{"vamp-managed": "true", "group": group, "kubernetes.io/metadata.name": lamia},
				"annotations": object{"owner": "a"}, "phase": "Active", "mesh": object{"mode": "none", "revision": nil},
			}
			if !reflect.DeepEqual(got[lamia], want) {
				t.Errorf("%v, want %v", got[lamia], want)
			}
		}
	}
}

func TestAccVirtualClusters_invalid(t *testing.T) {
	t.Parallel()
	tf := acctest.NewTerraform(t, "testdata/many", "", map[string]any{"label_selector": "=x"})
	expect(t, tf.Run("plan"), "error", "label_selector ", `"=x" is not a valid label selector`)
}
