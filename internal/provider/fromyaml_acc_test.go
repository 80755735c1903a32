package provider_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
	"github.com/magneticio/terraform-provider-lamia/internal/manifest"
)

// mesh returns a manifest with objects of all kinds in a namespace, the objects, and the specs that the API server must store.
func mesh(t *testing.T, namespace string) (text string, objects []*acctest.Object, specs []string) {
	t.Helper()
	data, err := os.ReadFile("testdata/adoption/mesh.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text = strings.ReplaceAll(string(data), "metadata:\n", "metadata:\n  namespace: "+namespace+"\n")
	kinds := make(map[string]*engine.Kind)
	for _, k := range istio.Kinds() {
		kinds[k.Kind] = k
	}
	for document := range strings.SplitSeq(text, "---\n") {
		var o struct {
			Kind     string
			Metadata struct{ Name string }
			Spec     json.RawMessage
		}
		if err := yaml.Unmarshal([]byte(document), &o); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, acctest.NewObject(t, kinds[o.Kind], namespace, o.Metadata.Name))
		specs = append(specs, string(o.Spec))
	}
	return text, objects, specs
}

// The configuration that convert writes imports existing objects without changes, even if they have other labels and annotations. It is
// complete: recreated objects are the same.
func TestAccConvert(t *testing.T) {
	t.Parallel()
	namespace := acctest.Namespace(t)
	text, objects, specs := mesh(t, namespace)
	var before []*unstructured.Unstructured
	for i, o := range objects {
		o.Create(specs[i], map[string]string{"app": "reviews", "theirs": "yes"})
		before = append(before, o.Patch(`{"metadata":{"annotations":{"team":"reviews, and \"others\" of ${cluster}","theirs":"yes"}}}`))
	}
	var configuration, complaints bytes.Buffer
	if code := manifest.Convert([]string{"-"}, strings.NewReader(text), &configuration, &complaints); code != 0 {
		t.Fatal(complaints.String())
	}
	tf := acctest.NewTerraform(t, acctest.Folder(t, "", map[string]string{"main.tf": configuration.String()}), "", nil)
	for _, c := range tf.Changes().([]any) {
		if change := c.(map[string]any)["change"].(map[string]any); !reflect.DeepEqual(change["actions"], []any{"no-op"}) || change["importing"] == nil {
			t.Errorf("the first plan says %v", change)
		}
	}
	tf.Must("apply", "-auto-approve")
	tf.Empty()
	for i, o := range objects {
		// The resource version is not compared, because istiod changes it with the status of a ServiceEntry.
		if live := o.Live(); live.GetUID() != before[i].GetUID() || live.GetGeneration() != before[i].GetGeneration() ||
			!maps.Equal(live.GetLabels(), before[i].GetLabels()) || !maps.Equal(live.GetAnnotations(), before[i].GetAnnotations()) {
			t.Errorf("%s was changed", o)
		}
	}
	tf.Must("destroy", "-auto-approve")
	for _, o := range objects {
		if err := o.Expect(false); err != nil {
			t.Error(err)
		}
	}
	again := acctest.NewTerraform(t, acctest.Folder(t, "", map[string]string{"main.tf": withoutImports(configuration.String())}), "", nil)
	again.Must("apply", "-auto-approve")
	again.Empty()
	stored(t, objects, specs)
	again.Must("destroy", "-auto-approve")
}

func withoutImports(configuration string) string {
	var kept strings.Builder
	skip := false
	for line := range strings.Lines(configuration) {
		skip = skip || line == "import {\n"
		if !skip {
			kept.WriteString(line)
		}
		skip = skip && line != "}\n"
	}
	return kept.String()
}

func stored(t *testing.T, objects []*acctest.Object, specs []string) {
	t.Helper()
	for i, o := range objects {
		if err := o.Stores(specs[i])(); err != nil {
			t.Error(err)
		}
	}
	for _, o := range objects {
		if o.Kind.Kind == "VirtualService" {
			if got, want := o.Live().GetAnnotations()["team"], `reviews, and "others" of ${cluster}`; got != want {
				t.Errorf("the annotation is %q, want %q", got, want)
			}
		}
	}
}

// Manifests become resources, and are stored unchanged.
func TestAccFromYAML(t *testing.T) {
	t.Parallel()
	namespace := acctest.Namespace(t)
	text, objects, specs := mesh(t, namespace)
	config := "terraform {\n  required_providers {\n    lamia = { source = \"magneticio/lamia\" }\n  }\n}\n" +
		"locals { mesh = provider::lamia::from_yaml(file(\"mesh.yaml\")) }\n"
	for kind, attributes := range map[string]string{
		"service": "ports selector", "destination_rule": "host traffic_policy subsets", "gateway": "selector servers",
		"virtual_service": "hosts gateways http", "service_entry": "hosts ports resolution",
		"envoy_filter": "config_patches workload_selector", "workload_entry": "address ports workload_labels", "authorization_policy": "action extension_provider rules",
	} {
		config += fmt.Sprintf("resource \"lamia_%s\" \"all\" {\n  for_each = local.mesh.%[1]s\n", kind)
		for name := range strings.FieldsSeq("namespace name labels annotations " + attributes) {
			config += fmt.Sprintf("  %s = each.value.%[1]s\n", name)
		}
		config += "}\n"
	}
	tf := acctest.NewTerraform(t, acctest.Folder(t, "", map[string]string{"main.tf": config, "mesh.yaml": text}), "", nil)
	tf.Must("apply", "-auto-approve")
	tf.Empty()
	stored(t, objects, specs)
	tf.Must("destroy", "-auto-approve")
}

// The examples of the functions are valid, and their checks pass.
func TestAccExamples_functions(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob(filepath.Join(examples, "functions", "*"))
	if err != nil || len(folders) < 2 {
		t.Fatal(folders, err)
	}
	for _, folder := range folders {
		tf := acctest.NewTerraform(t, folder, "", nil)
		tf.Must("validate")
		if base := filepath.Base(folder); base == "route" || base == "draw" {
			said := slices.DeleteFunc(tf.Run("plan"), func(d acctest.Diagnostic) bool { return strings.Contains(d.Summary, "development overrides") })
			if len(said) > 0 {
				t.Errorf("the plan of %s says %s", folder, said)
			}
		}
	}
}
