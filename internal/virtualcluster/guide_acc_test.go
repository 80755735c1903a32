package virtualcluster_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

// examples is the folder of the documentation's examples.
const examples = "../../examples"

// The guide's example works with the guide's permissions: a new version gets a subset and a route, and a removed one loses them.
func TestAccVirtualCluster_guide(t *testing.T) {
	t.Parallel()
	name := namespace(t, map[string]string{"istio-injection": "enabled"}, nil)
	run := func(version string) {
		labels := map[string]string{"app": "app1", "version": version}
		must(t, deployments, name, deployment("app1-"+version, labels, 0, corev1.ContainerPort{Name: "http", ContainerPort: 9090}))
	}
	run("version1")
	folder := filepath.Join(examples, "guides", "virtual-clusters")
	role := filepath.Join(folder, "role.yaml")
	tf := acctest.NewTerraform(t, folder, account(t, name, role, deployments), map[string]any{"namespace": name})
	rule, service := acctest.NewObject(t, istio.DestinationRule(), name, "app1"), acctest.NewObject(t, istio.Service(), name, "app1")
	subsets := func(versions ...string) {
		t.Helper()
		if complaints := ours(tf.Run("apply", "-auto-approve")); len(complaints) > 0 {
			t.Fatalf("the data source complains:\n%s", complaints)
		}
		tf.Empty()
		var want []any
		for _, version := range versions {
			want = append(want, object{"name": version, "labels": object{"version": version}})
		}
		if got := rule.Spec()["subsets"]; !reflect.DeepEqual(got, want) {
			t.Errorf("subsets are %v, want %v", got, want)
		}
		routes := tf.Values("lamia_virtual_service.app1")["http"].([]any)
		if len(routes) != len(versions)+1 {
			t.Errorf("%d routes for %d versions", len(routes), len(versions))
		}
	}
	subsets("version1")
	if err := service.Stores(`{"type":"ClusterIP","selector":{"app":"app1"},"ports":[{"name":"http","port":9090,"targetPort":9090,"protocol":"TCP"}]}`)(); err != nil {
		t.Error(err)
	}
	run("version2")
	subsets("version1", "version2")
	if err := client(t).Resource(deployments).Namespace(name).Delete(t.Context(), "app1-version2", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	subsets("version1")
	tf.Must("destroy", "-auto-approve")
}

// example returns a copy of an example with some words replaced and files added.
func example(t *testing.T, path string, replace *strings.Replacer, files map[string]string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(examples, path))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"example.tf": replace.Replace(string(data))}
	maps.Copy(all, files)
	return acctest.Folder(t, "", all)
}

// The reference's examples work.
func TestAccExamples_dataSources(t *testing.T) {
	t.Parallel()
	group := unique()
	name := namespace(t, map[string]string{"group": group}, nil)
	must(t, deployments, name, deployment("a", map[string]string{"app": "app1", "version": "v1"}, 0))

	one := acctest.NewTerraform(t, example(t, "data-sources/lamia_virtual_cluster/data-source.tf", strings.NewReplacer("vamp-test1", name), nil), "", nil)
	one.Must("apply", "-auto-approve")
	one.Empty()
	rule := acctest.NewObject(t, istio.DestinationRule(), name, "dr-1")
	if err := rule.Stores(`{"host":"svc-1","subsets":[{"name":"v1","labels":{"version":"v1"}}]}`)(); err != nil {
		t.Error(err)
	}
	one.Must("destroy", "-auto-approve")

	managed := strings.NewReplacer(`"managed" {}`, `"managed" { label_selector = "group=`+group+`" }`) // other tests create and delete namespaces
	many := acctest.NewTerraform(t, example(t, "data-sources/lamia_virtual_clusters/data-source.tf", managed, nil), "", nil)
	many.Must("apply", "-auto-approve")
	if got := many.Values(fmt.Sprintf("data.lamia_virtual_cluster.managed[%q]", name))["applications"].(object); got["app1"] == nil {
		t.Errorf("applications are %v", got)
	}
}

func TestAccExamples_host(t *testing.T) {
	t.Parallel()
	more := `resource "terraform_data" "hosts" { input = [provider::lamia::host("svc-1", "vamp-test1"), provider::lamia::host("svc-1", "vamp-test1", "example.org")] }`
	tf := acctest.NewTerraform(t, example(t, "functions/host/function.tf", strings.NewReplacer(), map[string]string{"more.tf": more}), "", nil)
	tf.Must("apply", "-auto-approve")
	want := []any{"svc-1.vamp-test1.svc.cluster.local", "svc-1.vamp-test1.svc.example.org"}
	if got := tf.Values("terraform_data.hosts")["input"]; !reflect.DeepEqual(got, want) {
		t.Errorf("hosts are %v, want %v", got, want)
	}
}
