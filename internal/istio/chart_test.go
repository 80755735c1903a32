package istio

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// The companions are what Istio's own gateway chart makes, but for what is listed here. The chart's objects are made, and kept up to date, by
// the test of the same name in internal/controlplane/cluster, where Istio's charts are linked.
func TestRender_agreesWithGatewayChart(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("testdata", "chart", "gateway.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	chart := map[string]map[string]any{}
	for _, document := range strings.Split(string(data), "---\n") {
		var o map[string]any
		if err := yaml.Unmarshal([]byte(document), &o); err != nil {
			t.Fatal(err)
		}
		chart[o["kind"].(string)] = o
	}
	// The chart makes a disruption budget for more than one proxy only, so it was told two.
	rendered, err := render("vamp-test1", "gw-1", map[string]any{"servers": []any{server(80, "http")}}, map[string]any{"autoscaling": map[string]any{"minReplicas": 2}})
	if err != nil {
		t.Fatal(err)
	}
	for _, ours := range rendered {
		theirs, ok := chart[ours.GetKind()]
		if !ok {
			t.Errorf("the chart has no %s", ours.GetKind())
			continue
		}
		delete(chart, ours.GetKind())
		var got, want map[string]any
		if err := convert(ours.Object, &got); err != nil {
			t.Fatal(err)
		}
		if err := convert(theirs, &want); err != nil {
			t.Fatal(err)
		}
		for _, o := range []map[string]any{got, want} {
			levelDifferences(o)
		}
		if !reflect.DeepEqual(got, want) {
			a, _ := yaml.Marshal(got)
			b, _ := yaml.Marshal(want)
			t.Errorf("%s, ours:\n%s\nthe chart's:\n%s", ours.GetKind(), a, b)
		}
	}
	for kind := range chart {
		t.Errorf("the chart has a %s", kind)
	}
}

// levelDifferences takes the wanted differences away:
//   - Helm's own labels, and the label istio, by which a gateway of another team might select the proxies;
//   - the selector, which is unique in the cluster;
//   - empty values that only the chart writes, and the namespace of a subject that only we do;
//   - the spelling of quantities.
func levelDifferences(o map[string]any) {
	for _, labels := range [][]string{
		{"metadata", "labels"},
		{"spec", "selector"}, {"spec", "selector", "matchLabels"},
		{"spec", "template", "metadata", "labels"},
	} {
		for _, key := range []string{
			"app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "app.kubernetes.io/part-of", "app.kubernetes.io/version", "helm.sh/chart", "istio", gatewayLabel,
		} {
			unstructured.RemoveNestedField(o, append(labels, key)...)
		}
	}
	for _, selector := range [][]string{{"spec", "selector", "app"}, {"spec", "selector", "matchLabels", "app"}} {
		unstructured.RemoveNestedField(o, selector...)
	}
	if annotations, ok, _ := unstructured.NestedMap(o, "metadata", "annotations"); ok && len(annotations) == 0 {
		unstructured.RemoveNestedField(o, "metadata", "annotations")
	}
	if subjects, ok, _ := unstructured.NestedSlice(o, "subjects"); ok {
		delete(subjects[0].(map[string]any), "namespace")
		o["subjects"] = subjects
	}
	containers, ok, _ := unstructured.NestedSlice(o, "spec", "template", "spec", "containers")
	if !ok {
		return
	}
	container := containers[0].(map[string]any)
	if container["env"] == nil {
		delete(container, "env")
	}
	for _, list := range container["resources"].(map[string]any) {
		for name, q := range list.(map[string]any) {
			quantity := resource.MustParse(q.(string))
			list.(map[string]any)[name] = quantity.MilliValue()
		}
	}
	_ = unstructured.SetNestedSlice(o, containers, "spec", "template", "spec", "containers")
}
