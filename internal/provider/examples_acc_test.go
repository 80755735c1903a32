package provider_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
	"github.com/magneticio/terraform-provider-lamia/internal/scenario"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// examples is the folder of the documentation's examples.
const examples = "../../examples"

var tutorialNamespace = regexp.MustCompile(`vamp-test\d`)

// gather returns a folder with the files of all resources' examples, in the test's namespace.
func gather(t *testing.T, namespace string, names ...string) string {
	t.Helper()
	files := make(map[string]string)
	for _, name := range names {
		paths, err := filepath.Glob(filepath.Join(examples, "resources", "*", name))
		if err != nil || len(paths) < len(istio.Kinds()) {
			t.Fatalf("%d examples called %s, want at least one for each of %d resources", len(paths), name, len(istio.Kinds()))
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files[filepath.Base(filepath.Dir(path))+"_"+filepath.Base(path)] = tutorialNamespace.ReplaceAllString(string(data), namespace)
		}
	}
	return acctest.Folder(t, "", files)
}

// The examples of the resources work: they can be created and imported.
func TestAccExamples_resources(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	namespace := acctest.Namespace(t)
	tf := acctest.NewTerraform(t, gather(t, namespace, "resource*.tf"), "", nil)
	tf.Must("apply", "-auto-approve")
	tf.Empty()
	made := tf.State()
	shown := gather(t, namespace, "import-by-string-id.tf")
	kinds := make(map[string]bool)
	var further strings.Builder // examples of the same resource whose import the documentation does not show
	for _, address := range made {
		kind, name, _ := strings.Cut(address, ".")
		shows, err := os.ReadFile(filepath.Join(shown, kind+"_import-by-string-id.tf"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(shows), kind+"."+name+"\n") {
			fmt.Fprintf(&further, "import {\n  to = %s\n  id = %q\n}\n", address, tf.Values(address)["id"])
		}
		kinds[kind] = true
	}
	if len(kinds) != len(istio.Kinds()) {
		t.Errorf("the state holds %v", made)
	}

	folder := acctest.Folder(t, gather(t, namespace, "resource*.tf", "import-by-string-id.tf"), map[string]string{"further.tf": further.String()})
	imported := acctest.NewTerraform(t, folder, "", nil)
	imported.Must("apply", "-auto-approve")
	imported.Empty()
	if state := imported.State(); !slices.Equal(state, made) {
		t.Errorf("imported are %v of %v", state, made)
	}
	imported.Must("destroy", "-auto-approve")
}

// The examples of the provider are valid.
func TestAccExamples_provider(t *testing.T) {
	t.Parallel()
	for _, folder := range folders(t, "provider", "*.tf") {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			acctest.NewTerraform(t, folder, "", nil).Must("validate")
		})
	}
}

// The guides' examples work with the guides' Deployments, without warnings.
func TestAccExamples_guides(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	elsewhere := []string{"moved", "multi-cluster", "virtual-clusters"} // other tests run them
	for _, folder := range folders(t, "guides", "main.tf") {
		if slices.Contains(elsewhere, filepath.Base(folder)) {
			continue
		}
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			namespace := acctest.Namespace(t)
			deploy(t, namespace, filepath.Join(examples, "guides", "shop.yaml"))
			tf := acctest.NewTerraform(t, folder, "", nil)
			tf.Setenv("LAMIA_NAMESPACE", namespace)
			tf.Get()
			tested(t, tf, folder)
			for range 2 { // the second run refreshes what the first one created
				for _, d := range tf.Run("apply", "-auto-approve") {
					if !strings.Contains(d.Summary, "development overrides") {
						t.Error(d)
					}
				}
			}
			tf.Empty()
			tf.Must("destroy", "-auto-approve")
		})
	}
}

// folders returns the subfolders of a folder of examples that contain the file.
func folders(t *testing.T, of, file string) (folders []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(examples, of, "*", file))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		folders = append(folders, filepath.Dir(file))
	}
	return slices.Compact(folders)
}

// tested runs the tests of an example.
func tested(t *testing.T, tf *acctest.Terraform, folder string) {
	t.Helper()
	if files, err := filepath.Glob(filepath.Join(folder, "*.tftest.hcl")); err != nil {
		t.Fatal(err)
	} else if len(files) > 0 && !acctest.OpenTofu() { // OpenTofu 1.12 crashes if an assertion calls a function of a provider
		tf.Must("test")
	}
}

// deploy creates the Deployments of a file and waits until each has a pod.
func deploy(t *testing.T, namespace, file string) {
	t.Helper()
	client, err := dynamic.NewForConfig(acctest.Config(t))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	texts := strings.Split(string(data), "\n---\n")
	for _, text := range texts {
		d := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(text), &d.Object); err != nil {
			t.Fatal(err)
		}
		deployments := client.Resource(appsv1.SchemeGroupVersion.WithResource("deployments")).Namespace(namespace)
		if _, err := deployments.Create(t.Context(), d, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	pods := client.Resource(corev1.SchemeGroupVersion.WithResource("pods")).Namespace(namespace)
	if err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		list, err := pods.List(ctx, metav1.ListOptions{})
		return err == nil && len(list.Items) >= len(texts), err
	}); err != nil {
		t.Fatal(err)
	}
}

// The three teams' routing works as the tutorial says, and without its traps. Comments in the example explain them.
func TestAccExamples_advancedNetworking(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	namespaces := running(t, acctest.Config(t))
	folder := filepath.Join(examples, "advanced-networking")
	tf := acctest.NewTerraform(t, folder, "", map[string]any{"namespaces": namespaces})
	tf.Get()
	tested(t, tf, folder)
	var rewrites []string // the tutorial has these values
	for _, d := range tf.Run("plan") {
		if d.Address != "" {
			rewrites = append(rewrites, d.Address+": "+d.Summary)
		}
	}
	slices.Sort(rewrites)
	if want := []string{
		"module.team_2.lamia_virtual_service.vs_3: The path /service1/x becomes //x, and /service10 becomes /0",
		"module.team_2.lamia_virtual_service.vs_3: The path /service2/x becomes //x, and /service20 becomes /0",
	}; !slices.Equal(rewrites, want) {
		t.Errorf("the plan says %q, want %q", rewrites, want)
	}
	for _, command := range [][]string{{"apply", "-auto-approve"}, {"plan"}} {
		for _, d := range tf.Run(command...) {
			if d.Severity == "error" || d.Address != "" && !strings.Contains(d.Summary, "becomes") { // trap 3, which the example keeps
				t.Error(d)
			}
		}
	}
	tf.Empty()

	wanted := tutorial(t, namespaces)
	for _, w := range wanted {
		if err := acctest.NewObject(t, w.kind, w.namespace, w.name).Stores(w.spec)(); err != nil {
			t.Error(err)
		}
	}
	state := slices.DeleteFunc(tf.State(), func(address string) bool { return strings.Contains(address, ".data.") })
	if len(state) != len(wanted) {
		t.Errorf("%d objects are wanted, the state holds %v", len(wanted), state)
	}
	entry := tf.Values("module.team_3.lamia_service_entry.se_1")
	for _, attribute := range []string{"resolution", "location", "addresses", "endpoints"} {
		if value, ok := entry[attribute]; !ok || value != nil {
			t.Errorf("%s of se-1, which the example leaves out, is %v in the state", attribute, value)
		}
	}
	served(t, tf, namespaces)

	tf.Must("destroy", "-auto-approve")
	for _, w := range wanted {
		if err := acctest.NewObject(t, w.kind, w.namespace, w.name).Expect(false); err != nil {
			t.Error(err)
		}
	}
}

// secondEnv names the kubeconfig of a second cluster. Without it, the cluster under test is both.
const secondEnv = "LAMIA_TEST_SECOND_KUBECONFIG"

// Team 3 uses a second cluster, which has only its objects.
func TestAccExamples_multiCluster(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	first := acctest.Config(t)
	kubeconfigs := map[string]string{"first": os.Getenv("KUBE_CONFIG_PATH"), "second": cmp.Or(os.Getenv(secondEnv), os.Getenv("KUBE_CONFIG_PATH"))}
	second, err := clientcmd.BuildConfigFromFlags("", kubeconfigs["second"])
	if err != nil {
		t.Fatal(err)
	}
	namespaces := running(t, first)
	namespaces["team_3"] = running(t, second)["team_3"]
	config, err := os.ReadFile(filepath.Join(examples, "guides", "multi-cluster", "main.tf"))
	if err != nil {
		t.Fatal(err)
	}
	here := strings.ReplaceAll(string(config), "../../advanced-networking", ".")
	folder := acctest.Folder(t, filepath.Join(examples, "advanced-networking"), nil)
	for _, file := range []string{"variables.tf", "outputs.tf", "routes.tftest.hcl"} {
		if err := os.Remove(filepath.Join(folder, file)); err != nil {
			t.Fatal(err)
		}
	}
	tf := acctest.NewTerraform(t, acctest.Folder(t, folder, map[string]string{"main.tf": here}), "",
		map[string]any{"kubeconfigs": kubeconfigs, "namespaces": namespaces, "domain": namespaces["team_3"] + ".example"}) // a host that no other test uses
	tf.Get()
	tf.Must("apply", "-auto-approve")
	tf.Empty()
	entries := istio.ServiceEntry().Resource
	for name, want := range map[string]bool{"first": first.Host == second.Host, "second": true} {
		config := map[string]*rest.Config{"first": first, "second": second}[name]
		client, err := dynamic.NewForConfig(config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Resource(entries).Namespace(namespaces["team_3"]).Get(t.Context(), "se-1", metav1.GetOptions{}); (err == nil) != want {
			t.Errorf("the service entry of team 3 in the %s cluster: %v", name, err)
		}
	}
	tf.Must("destroy", "-auto-approve")
}

// running creates the teams' namespaces with the tutorial's Deployments, until the test ends, and returns the namespaces by team.
func running(t *testing.T, config *rest.Config) map[string]string {
	t.Helper()
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	before := scenario.New(client, "lamia-test-"+strings.ToLower(rand.Text()[:8])+"-")
	t.Cleanup(func() {
		if err := before.Delete(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	if err := before.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := before.Wait(t.Context(), func(int, int) {}); err != nil { // without pods, there would be a warning
		t.Fatal(err)
	}
	namespaces := make(map[string]string)
	for i, namespace := range before.Namespaces() {
		namespaces[fmt.Sprint("team_", i+1)] = namespace
	}
	return namespaces
}

type wanted struct {
	kind            *engine.Kind
	namespace, name string
	spec            string // JSON
}

// tutorial returns the objects of the tutorial in these namespaces.
func tutorial(t *testing.T, namespaces map[string]string) (objects []wanted) {
	t.Helper()
	data, err := os.ReadFile("testdata/scenario.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var entries []struct {
		Kind, Name string
		Team       int
		Spec       json.RawMessage
	}
	text := os.Expand(string(data), func(team string) string { return namespaces[team] })
	if err := yaml.Unmarshal([]byte(text), &entries); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		i := slices.IndexFunc(istio.Kinds(), func(k *engine.Kind) bool { return k.Kind == e.Kind })
		objects = append(objects, wanted{istio.Kinds()[i], namespaces[fmt.Sprint("team_", e.Team)], e.Name, strings.TrimSpace(string(e.Spec))})
	}
	return objects
}
