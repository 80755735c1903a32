package virtualcluster_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
)

const address = "data.lamia_virtual_cluster.test"

type object = map[string]any

// secret must not occur in the state.
const secret = "xyzzy"

// furnish creates an object of each kind in a namespace.
func furnish(t *testing.T, namespace string) {
	t.Helper()
	always, two := corev1.ContainerRestartPolicyAlways, int32(2)
	web := deployment("web", map[string]string{"app": "shop", "version": "v1"}, two,
		corev1.ContainerPort{Name: "http-metrics", ContainerPort: 9091}, corev1.ContainerPort{Name: "http-web", ContainerPort: 9090})
	web.Labels = map[string]string{"app": "shop", "tier": "front"}
	web.Annotations = map[string]string{corev1.LastAppliedConfigAnnotation: `{"env":"` + secret + `"}`}
	web.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}, MatchExpressions: []metav1.LabelSelectorRequirement{
		{Key: "version", Operator: metav1.LabelSelectorOpIn, Values: []string{"v2", "v1"}},
	}}
	container := &web.Spec.Template.Spec.Containers[0]
	container.Env = []corev1.EnvVar{{Name: "PASSWORD", Value: secret}}
	container.Args = []string{"--password=" + secret}
	web.Spec.Template.Annotations = map[string]string{"vault": secret}
	web.Spec.Template.Spec.ServiceAccountName = "shop"
	web.Spec.Template.Spec.InitContainers = []corev1.Container{
		{Name: "proxy", Image: image, RestartPolicy: &always, Ports: []corev1.ContainerPort{{ContainerPort: 53, Protocol: corev1.ProtocolUDP}}},
	}
	must(t, corev1.SchemeGroupVersion.WithResource("serviceaccounts"), namespace, &corev1.ServiceAccount{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"}, ObjectMeta: metav1.ObjectMeta{Name: "shop"},
	})
	must(t, deployments, namespace, web)

	store := map[string]string{"app": "shop", "version": "v2"}
	must(t, statefulSets, namespace, &appsv1.StatefulSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"},
		ObjectMeta: metav1.ObjectMeta{Name: "web"}, // objects of different kinds can have the same name
		Spec: appsv1.StatefulSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: store},
			Template: template(store, corev1.ContainerPort{Name: "http-web", ContainerPort: 9090}),
		},
	})
	agent := map[string]string{"app.kubernetes.io/name": "agent"}
	must(t, daemonSets, namespace, &appsv1.DaemonSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"},
		ObjectMeta: metav1.ObjectMeta{Name: "agent"},
		Spec:       appsv1.DaemonSetSpec{Selector: &metav1.LabelSelector{MatchLabels: agent}, Template: template(agent)},
	})

	grpc := "grpc"
	balanced := newService("balanced", map[string]string{"team": "a"})
	balanced.Spec = corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": "shop"}, Ports: []corev1.ServicePort{
		{Name: "web", Port: 80, TargetPort: intstr.FromString("http-web")},
		{Name: "rpc", Port: 81, TargetPort: intstr.FromInt32(9091), AppProtocol: &grpc},
	}}
	must(t, services, namespace, balanced)
	headless := newService("headless", nil)
	headless.Spec.ClusterIP = corev1.ClusterIPNone
	must(t, services, namespace, headless)
}

// golden reads the YAML file with the expected results, and replaces ${...} with these values.
func golden(t *testing.T, file string, values map[string]string) (want object) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := os.Expand(string(data), func(name string) string {
		value, ok := values[name]
		if !ok {
			t.Fatalf("%s: no value for %s", file, name)
		}
		return value
	})
	if err := yaml.Unmarshal([]byte(text), &want); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return want
}

// The state has everything in a namespace, but no secrets. As long as the cluster does not change, plans are empty.
func TestAccVirtualCluster_everything(t *testing.T) {
	t.Parallel()
	name := namespace(t, map[string]string{"istio-injection": "disabled", "vamp-managed": "true"},
		map[string]string{"owner": "team-a", corev1.LastAppliedConfigAnnotation: "{}"})
	furnish(t, name)
	settled(t, name)

	tf := acctest.NewTerraform(t, "testdata/one", "", map[string]any{"name": name})
	if diagnostics := ours(tf.Run("apply", "-auto-approve")); len(diagnostics) > 0 {
		t.Errorf("the data source complains:\n%s", diagnostics)
	}
	tf.Empty()
	got := tf.Values(address)

	live := func(path ...string) any {
		var value any = got
		for _, step := range path {
			value = value.(object)[step]
		}
		return value
	}
	balanced, err := client(t).Resource(services).Namespace(name).Get(t.Context(), "balanced", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	spec := balanced.Object["spec"].(object)
	want := golden(t, "testdata/everything.yaml", map[string]string{
		"name": name, "image": image,
		"nodes":      text(t, live("daemon_sets", "agent", "ready_replicas")),
		"deployment": created(t, name, "web"), "address": ingress(balanced.Object)[0].(object)["ip"].(string),
		"cluster_ip":  spec["clusterIP"].(string),
		"node_port_1": text(t, spec["ports"].([]any)[0].(object)["nodePort"]), "node_port_2": text(t, spec["ports"].([]any)[1].(object)["nodePort"]),
		"stateful_set": text(t, live("stateful_sets", "web", "creation_timestamp")), "daemon_set": text(t, live("daemon_sets", "agent", "creation_timestamp")),
	})
	for attribute, value := range got {
		if !reflect.DeepEqual(jsonOf(t, value), jsonOf(t, want[attribute])) {
			t.Errorf("%s is\n%s\nwant\n%s", attribute, jsonOf(t, value), jsonOf(t, want[attribute]))
		}
	}
	if len(want) > len(got) {
		t.Errorf("got %d attributes, want %d", len(got), len(want))
	}
	if strings.Contains(jsonOf(t, got), secret) {
		t.Error("the state holds a secret")
	}
}

// settled waits until furnish's pods are ready and its load balancer has an address.
func settled(t *testing.T, namespace string) {
	t.Helper()
	for _, workload := range []struct {
		resource          schema.GroupVersionResource
		name              string
		in, wanted, ready string
	}{
		{deployments, "web", "spec", "replicas", "readyReplicas"},
		{statefulSets, "web", "spec", "replicas", "readyReplicas"},
		{daemonSets, "agent", "status", "desiredNumberScheduled", "numberReady"},
	} {
		until(t, workload.resource.Resource, func() error {
			live, err := client(t).Resource(workload.resource).Namespace(namespace).Get(t.Context(), workload.name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			wanted, _, _ := unstructured.NestedInt64(live.Object, workload.in, workload.wanted)
			ready, _, _ := unstructured.NestedInt64(live.Object, "status", workload.ready)
			if wanted == 0 || ready != wanted {
				return fmt.Errorf("%v", live.Object["status"])
			}
			return nil
		})
	}
	until(t, "load balancer", func() error {
		live, err := client(t).Resource(services).Namespace(namespace).Get(t.Context(), "balanced", metav1.GetOptions{})
		if err == nil && len(ingress(live.Object)) == 0 {
			err = fmt.Errorf("%v", live.Object["status"])
		}
		return err
	})
}

func ingress(service object) []any {
	status, _ := service["status"].(object)
	balancer, _ := status["loadBalancer"].(object)
	all, _ := balancer["ingress"].([]any)
	return all
}

// created returns the Deployment's creation time.
func created(t *testing.T, namespace, name string) string {
	t.Helper()
	live, err := client(t).Resource(deployments).Namespace(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	stamp := live.Object["metadata"].(object)["creationTimestamp"]
	return stamp.(string)
}

func text(t *testing.T, value any) string {
	t.Helper()
	return strings.Trim(jsonOf(t, value), `"`)
}

func jsonOf(t *testing.T, value any) string {
	t.Helper()
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A namespace in which nothing runs is not an error, and none of the attributes is null.
func TestAccVirtualCluster_emptyNamespace(t *testing.T) {
	t.Parallel()
	tf := acctest.NewTerraform(t, "testdata/one", "", map[string]any{"name": acctest.Namespace(t)})
	if diagnostics := ours(tf.Run("apply", "-auto-approve")); len(diagnostics) > 0 {
		t.Errorf("the data source complains:\n%s", diagnostics)
	}
	got := tf.Values(address)
	for _, attribute := range []string{"deployments", "stateful_sets", "daemon_sets", "services", "applications", "annotations"} {
		if value, ok := got[attribute].(object); !ok || len(value) > 0 {
			t.Errorf("%s is %v, want an empty map", attribute, got[attribute])
		}
	}
	tf.Empty()
}

func TestAccVirtualCluster_missingNamespace(t *testing.T) {
	t.Parallel()
	tf := acctest.NewTerraform(t, "testdata/one", "", map[string]any{"name": "lamia-test-" + unique()})
	expect(t, tf.Run("plan"), "error", "name ", "does not exist", "kubectl create namespace lamia-test-")
}

// A label selector applies to workloads and Services, and labels other than the default ones can define applications and versions.
func TestAccVirtualCluster_labels(t *testing.T) {
	t.Parallel()
	name := acctest.Namespace(t)
	for _, d := range []struct{ name, team string }{{"a", "x"}, {"b", "x"}, {"c", "y"}} {
		made := deployment(d.name, map[string]string{"app": "old", "service": "shop", "release": d.name}, 0)
		made.Labels = map[string]string{"team": d.team}
		must(t, deployments, name, made)
		must(t, services, name, newService("svc-"+d.name, made.Labels))
	}
	tf := acctest.NewTerraform(t, "testdata/one", "", map[string]any{
		"name": name, "label_selector": "team in (x)", "application_labels": []string{"service", "app"}, "version_labels": []string{"release"},
	})
	tf.Must("apply", "-auto-approve")
	got := tf.Values(address)
	versions := object{"a": object{"release": "a"}, "b": object{"release": "b"}}
	if shop := got["applications"].(object)["shop"].(object); !reflect.DeepEqual(shop["versions"], versions) {
		t.Errorf("versions are %v, want %v", shop["versions"], versions)
	}
	for attribute, want := range map[string]int{"deployments": 2, "services": 2, "applications": 1} {
		if all := got[attribute].(object); len(all) != want {
			t.Errorf("%d %s, want %d: %v", len(all), attribute, want, all)
		}
	}
}

// A version that no labels select is not among the versions, and a warning says why.
func TestAccVirtualCluster_inseparable(t *testing.T) {
	t.Parallel()
	name := acctest.Namespace(t)
	stable := deployment("stable", map[string]string{"app": "shop"}, 0)
	must(t, deployments, name, stable)
	must(t, deployments, name, deployment("canary", map[string]string{"app": "shop", "track": "canary"}, 0))
	tf := acctest.NewTerraform(t, "testdata/one", "", map[string]any{"name": name})
	expect(t, tf.Run("apply", "-auto-approve"), "warning", "", `Version "stable" of application "shop"`, "version: stable")
	got := tf.Values(address)["applications"].(object)["shop"].(object)
	if want := (object{"canary": object{"app": "shop", "track": "canary"}}); !reflect.DeepEqual(got["versions"], want) {
		t.Errorf("versions are %v, want %v", got["versions"], want)
	}
}

func TestAccVirtualCluster_invalid(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		variables object
		at, says  string
	}{
		"name":            {object{"name": "Team_A"}, "name ", `"Team_A" is not a valid namespace name`},
		"label selector":  {object{"name": "a", "label_selector": "a in"}, "label_selector ", "is not a valid label selector"},
		"no keys":         {object{"name": "a", "application_labels": []string{}}, "application_labels ", "at least 1"},
		"application key": {object{"name": "a", "application_labels": []string{"app", "-"}}, "application_labels ", `"-" is not a valid label key`},
		"version key":     {object{"name": "a", "version_labels": []string{"a/b/c"}}, "version_labels ", `"a/b/c" is not a valid label key`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tf := acctest.NewTerraform(t, "testdata/one", "", test.variables)
			expect(t, tf.Run("plan"), "error", test.at, test.says)
		})
	}
}

// A cluster that does not answer gives one error, not one for each part, and an unknown cluster gets no request.
func TestAccVirtualCluster_unreachable(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ provider, says string }{
		"dead":    {`provider "lamia" { host = "https://127.0.0.1:1" }`, "connection refused"},
		"unknown": {"resource \"terraform_data\" \"cluster\" {}\nprovider \"lamia\" { host = terraform_data.cluster.id }", "The cluster is not known yet"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := acctest.Folder(t, "testdata/one", map[string]string{"provider.tf": test.provider})
			empty := filepath.Join(t.TempDir(), "kubeconfig")
			if err := os.WriteFile(empty, []byte("apiVersion: v1\nkind: Config\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			tf := acctest.NewTerraform(t, folder, empty, map[string]any{"name": "a"})
			expect(t, tf.Run("plan"), "error", "", test.says)
		})
	}
}

// A read that takes too long times out, and the error says how to allow more time.
func TestAccVirtualCluster_timeout(t *testing.T) {
	t.Parallel()
	silent := acctest.Proxy(t, func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() })
	folder := acctest.Folder(t, "testdata/one", map[string]string{
		"override.tf": `data "lamia_virtual_cluster" "test" { timeouts = { read = "200ms" } }`,
	})
	tf := acctest.NewTerraform(t, folder, silent, map[string]any{"name": "a"})
	expect(t, tf.Run("plan"), "error", "", `Namespace "a" not read: timed out`, "timeouts")
}

// ours removes diagnostics about the CLI's own configuration.
func ours(diagnostics acctest.Diagnostics) acctest.Diagnostics {
	return slices.DeleteFunc(diagnostics, func(d acctest.Diagnostic) bool { return d.Address == "" })
}

// expect checks that there is exactly one diagnostic, with this severity, attribute and words.
func expect(t *testing.T, diagnostics acctest.Diagnostics, severity, attribute string, says ...string) {
	t.Helper()
	if diagnostics = ours(diagnostics); len(diagnostics) != 1 {
		t.Fatalf("%d diagnostics, want 1:\n%s", len(diagnostics), diagnostics)
	}
	d := diagnostics[0]
	if d.Severity != severity || !strings.HasPrefix(d.Line(), attribute) {
		t.Errorf("the %s is at %q, want an %s at %q", d.Severity, d.Line(), severity, attribute)
	}
	for _, want := range says {
		if !strings.Contains(d.Summary+"\n"+d.Detail, want) {
			t.Errorf("it says\n%s\nbut not %q", d, want)
		}
	}
}
