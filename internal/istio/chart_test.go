package istio

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// The companions are the objects of Istio's gateway chart, except for the differences listed below. TestGatewayChart_golden in
// internal/controlplane/cluster, which imports Istio's charts, renders the chart and keeps the file current.
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
	// The chart renders a disruption budget only for more than one proxy, so it was rendered with two.
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

// levelDifferences removes the intended differences:
//   - Helm's own labels, and the label istio, by which another team's gateway could select the proxies;
//   - the selector, which is unique in the cluster;
//   - the seccomp profile, which the Pod Security Standard "restricted" requires;
//   - empty values that only the chart writes, and the namespace of a subject that only the provider writes;
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
	unstructured.RemoveNestedField(o, "spec", "template", "spec", "securityContext", "seccompProfile")
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

// The guide names an existing attribute for each value of the chart.
func TestGuide_coversGatewayChart(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../templates/guides/gateways.md.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]string)
	for _, m := range regexp.MustCompile("(?m)^\\| `([\\w.]+)` \\| (.+) \\|$").FindAllStringSubmatch(string(guide), -1) {
		rows[m[1]] = m[2]
	}
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "istio.io/istio").Output()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "manifests", "charts", "gateway", "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	// Some values are only in comments or templates of the chart.
	told := map[string]bool{"service.allocateLoadBalancerNodePorts": true, "service.loadBalancerClass": true, "service.internalTrafficPolicy": true}
	var walk func(at string, value any)
	walk = func(at string, value any) {
		inner, _ := value.(map[string]any)
		if _, ok := rows[at]; ok || len(inner) == 0 {
			if told[at] = true; !ok {
				t.Errorf("the guide does not speak of %s", at)
			}
			return
		}
		for name, value := range inner {
			walk(strings.TrimPrefix(at+"."+name, "."), value)
		}
	}
	var values struct {
		Values map[string]any `json:"_internal_defaults_do_not_set"`
	}
	if err := yaml.Unmarshal(data, &values); err != nil {
		t.Fatal(err)
	}
	walk("", values.Values)
	gateway := Gateway().Attributes()
	for value, row := range rows {
		if !told[value] {
			t.Errorf("the chart has no value %s", value)
		}
		for _, m := range regexp.MustCompile("`(workload[\\w.]*|servers)`").FindAllStringSubmatch(row, -1) {
			message := gateway
			for name := range strings.SplitSeq(m[1], ".") {
				f := message.Named(name)
				if f == nil {
					t.Errorf("%s: there is no %s", value, m[1])
					break
				}
				message = f.Message
			}
		}
		if !strings.HasPrefix(row, "`") && !strings.HasPrefix(row, "None: ") {
			t.Errorf("%s: neither an attribute nor a reason: %s", value, row)
		}
	}
}
