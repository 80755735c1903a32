package picture_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"sigs.k8s.io/yaml"

	"github.com/magneticio/terraform-provider-lamia/internal/picture"
)

// draw returns what the command prints for this input.
func draw(t *testing.T, input string) string {
	t.Helper()
	var out, complaints bytes.Buffer
	if code := picture.Run(nil, strings.NewReader(input), &out, &complaints); code != 0 {
		t.Fatalf("exit code %d: %s", code, &complaints)
	}
	return out.String()
}

// tutorial returns the manifest of examples/advanced-networking. An acceptance test compares it with the cluster.
func tutorial(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "provider", "testdata", "scenario.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	namespace := strings.NewReplacer("${team_1}", "vamp-test1", "${team_2}", "vamp-test2", "${team_3}", "vamp-test3")
	var entries []struct {
		Kind, Name string
		Team       string
		Spec       any
	}
	if err := yaml.Unmarshal([]byte(strings.NewReplacer("team: 1", "team: vamp-test1", "team: 2", "team: vamp-test2", "team: 3", "team: vamp-test3").
		Replace(namespace.Replace(string(data)))), &entries); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range entries {
		version := "networking.istio.io/v1"
		if e.Kind == "Service" {
			version = "v1"
		}
		document, err := yaml.Marshal(map[string]any{
			"apiVersion": version, "kind": e.Kind, "metadata": map[string]any{"name": e.Name, "namespace": e.Team}, "spec": e.Spec,
		})
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString("---\n" + string(document))
	}
	return b.String()
}

// The README and the guide show the current picture of the example. The guide takes it from a file.
func TestDraw_tutorial(t *testing.T) {
	t.Parallel()
	want := draw(t, tutorial(t))
	for _, page := range []string{"README.md", filepath.Join("examples", "advanced-networking", "routing.mmd"), filepath.Join("docs", "guides", "virtual-clusters.md")} {
		content, err := os.ReadFile(filepath.Join("..", "..", page))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(content), want) {
			t.Errorf("%s does not show the picture:\n%s", page, want)
		}
	}
}

const broken = `
apiVersion: v1
kind: List
items:
- {apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {namespace: a, name: gw}, spec: {selector: {istio: x}, servers: [
    {port: {number: 443, name: https, protocol: HTTPS}, hosts: ['*.example.com'], tls: {mode: SIMPLE, credentialName: c}},
    {port: {number: 3306, name: tcp, protocol: TCP}, hosts: ['*']}]}}
- {apiVersion: v1, kind: Service, metadata: {namespace: a, name: svc, uid: u, finalizers: [f], ownerReferences: [{uid: o}]}, spec: {ports: [{name: http, port: 80}]}}
- {apiVersion: v1, kind: Service, metadata: {namespace: b, name: db}, spec: {ports: [{name: tcp, port: 3306}]}}
- {apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {namespace: a, name: dr}, spec: {host: svc, subsets: [{name: v2}, {name: v1}]}}
- {apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {namespace: b, name: out}, spec: {hosts: ['*.out.test'], ports: [{number: 80, name: http, protocol: HTTP}]}}
- apiVersion: networking.istio.io/v1
  kind: VirtualService
  metadata: {namespace: a, name: web}
  spec:
    hosts: [x.example.com]
    gateways: [gw, b/none]
    http:
    - {match: [{uri: {exact: '/"<b>#'}, method: {exact: GET}, headers: {user: {}}}, {uri: {regex: '/a|b'}}], route: [{destination: {host: svc, subset: v1}, weight: 3}, {destination: {host: svc, subset: v2}, weight: 1}], mirror: {host: svc}}
    - {match: [{uri: {prefix: /lost}}], route: [{destination: {host: svc, subset: v9}}]}
    - {match: [{uri: {prefix: /typo}}], route: [{destination: {host: scv}}]}
    - {match: [{uri: {prefix: /out}}], route: [{destination: {host: www.out.test}}]}
    - {match: [{uri: {prefix: /elsewhere}}], route: [{destination: {host: www.example.org}}]}
    - {match: [{uri: {prefix: /old}}], redirect: {uri: /new}}
    - {match: [{uri: {prefix: /tea}}], directResponse: {status: 418}}
    - {match: [{uri: {prefix: /more}}], delegate: {name: more}}
    - {match: [{uri: {prefix: /missing}}], delegate: {name: missing}}
    tcp: [{match: [{port: 3306}], route: [{destination: {host: db.b.svc.cluster.local}}]}]
- {apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {namespace: a, name: more}, spec: {http: [{route: [{destination: {host: svc}}]}]}}
- {apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {namespace: b, name: unserved}, spec: {hosts: [other.test], gateways: [a/gw], http: [{route: [{destination: {host: svc.a.svc.cluster.local}}]}]}}
`

// Broken routes are marked, each kind of route is drawn, and names cannot break out of their labels. Set UPDATE to rewrite the file.
func TestDraw_broken(t *testing.T) {
	t.Parallel()
	got, file := draw(t, broken), filepath.Join("testdata", "broken.mmd")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A plan lacks values that are known only after an apply, and a state has the same objects in modules.
func TestRun_terraform(t *testing.T) {
	t.Parallel()
	const resources = `{"child_modules": [{"resources": [
		{"type": "lamia_gateway", "values": {"namespace": "a", "name": "gw", "selector": {"a": "b"}, "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["x"]}]}},
		{"type": "lamia_virtual_service", "values": {"namespace": "a", "name": "vs", "hosts": ["x"], "gateways": ["a/gw", null], "http": [{"route": [{"destination": {}, "weight": null}]}]}},
		{"type": "random_id", "values": {"name": "x"}}]}]}`
	for _, input := range []string{`{"format_version": "1.2", "planned_values": {"root_module": ` + resources + `}}`, `{"format_version": "1.0", "values": {"root_module": ` + resources + `}}`} {
		got := draw(t, input)
		for _, want := range []string{`{{"Gateway<br>gw"}}`, `("VirtualService<br>vs")`, `["Host<br>known after apply"]`} {
			if !strings.Contains(got, want) {
				t.Errorf("no %s in\n%s", want, got)
			}
		}
		if strings.Contains(got, "not found") || strings.Contains(got, "random") {
			t.Errorf("drew\n%s", got)
		}
	}
}

func TestRun_problems(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]string{
		"kind: Pod\napiVersion: v1\nmetadata: {name: a}": `line 1: this provider has no resource for Pod of "v1"`,
		`{"format_version": "1.0", "values": {"root_module": {"resources": [{"type": "lamia_gateway", "values": {"name": "gw", "servers": true}}]}}}`: "lamia_gateway gw: servers: is not a list",
	} {
		var out, complaints bytes.Buffer
		if code := picture.Run(nil, strings.NewReader(input), &out, &complaints); code != 1 || !strings.Contains(complaints.String(), want) {
			t.Errorf("exit code %d, says %q, want %q", code, &complaints, want)
		}
	}
	var out, complaints bytes.Buffer
	if code := picture.Run([]string{"--help"}, nil, &out, &complaints); code != 2 || !strings.HasPrefix(complaints.String(), "usage: ") {
		t.Errorf("exit code %d, says %q", code, &complaints)
	}
}

// The function draws the same picture as the command. Its result is unknown until all values are known.
func TestFunction(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		objects attr.Value
		want    string
	}{
		"a gateway": {types.ObjectValueMust(map[string]attr.Type{"gateways": types.ObjectType{AttrTypes: map[string]attr.Type{"name": types.StringType}}},
			map[string]attr.Value{"gateways": types.ObjectValueMust(map[string]attr.Type{"name": types.StringType}, map[string]attr.Value{"name": types.StringValue("gw")})}),
			`"flowchart LR\n  subgraph namespace0[\"Namespace default\"]\n    n0{{\"Gateway<br>gw\"}}\n  end\n"`},
		"unknown": {types.ObjectUnknown(map[string]attr.Type{}), "<unknown>"},
		"a list":  {types.TupleValueMust([]attr.Type{}, []attr.Value{}), "is not an object"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp := function.RunResponse{Result: function.NewResultData(types.StringUnknown())}
			picture.NewFunction().Run(t.Context(), function.RunRequest{Arguments: function.NewArgumentsData([]attr.Value{types.DynamicValue(test.objects)})}, &resp)
			got := resp.Result.Value().String()
			if resp.Error != nil {
				got = resp.Error.Text
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
