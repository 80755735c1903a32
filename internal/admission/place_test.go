package admission_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/magneticio/terraform-provider-lamia/internal/admission"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

// judges holds the judges of each kind.
var judges = func() map[string]*admission.Judges {
	all := make(map[string]*admission.Judges)
	for _, k := range istio.Kinds() {
		all[k.Kind] = k.Admission
	}
	return all
}()

// A finding is reported at the field that the user must change.
func TestPlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind, spec string
		want       []string // the message and the fields, such as those that exclude each other
	}{
		"a value": {"Gateway", `servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.example.com]}, {port: {number: 70000, name: b, protocol: HTTP}, hosts: [a.example.com]}]`,
			[]string{"port number 70000 must be in the range 1..65535: spec.servers[1].port.number"}},
		"one that lacks something": {"VirtualService", `{hosts: [a], http: [{route: [{destination: {host: a}}], match: [{port: 80}]}, {match: [{port: 81}]}]}`,
			[]string{"HTTP route, redirect or direct_response is required: spec.http[1]"}},
		"two of a kind": {"VirtualService", `{hosts: [a], http: [{match: [{port: 80}]}, {match: [{port: 81}]}]}`,
			[]string{"HTTP route, redirect or direct_response is required: spec.http[0]", "HTTP route, redirect or direct_response is required: spec.http[1]"}},
		"two values that do not go together": {"Gateway", `servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.example.com]}, {port: {number: 81, name: http, protocol: HTTP}, hosts: [a.example.com]}]`,
			[]string{"port names in servers must be unique: duplicate name http: spec.servers[0].port.name spec.servers[1].port.name"}},
		"a rule written above": {"ServiceEntry", `{hosts: [a.example.com], resolution: STATIC, workloadSelector: {labels: {a: b}}, endpoints: [{address: 10.0.0.1}]}`,
			[]string{"only one of WorkloadSelector or Endpoints can be set: spec.endpoints spec.workloadSelector",
				"only one of WorkloadSelector or Endpoints is allowed in Service Entry: spec.endpoints[0] spec.workloadSelector"}},
		"a rule behind another": {"VirtualService", `{hosts: [a], http: [{match: [{port: 80}], route: [{destination: {host: a}}]}, {route: [{destination: {host: a}}]}, {match: [{port: 81}], route: [{destination: {host: a}}]}]}`,
			[]string{"virtualService rule #2 not used (route without matches defined before): spec.http[1] spec.http[2].match[0]"}},
		"two rules behind another": {"VirtualService", `{hosts: [a], http: [{route: [{destination: {host: a}}]}, {match: [{uri: {prefix: /a}}], rewrite: {uri: /}, route: [{destination: {host: a}}]}, {match: [{port: 81}], route: [{destination: {host: a}}]}]}`,
			[]string{"virtualService rule #1 not used (route without matches defined before): spec.http[0] spec.http[1].match[0]",
				"virtualService rule #2 not used (route without matches defined before): spec.http[0] spec.http[2].match",
				"The path /a/x becomes //x, and /a0 becomes /0: spec.http[1].match[0].uri.prefix"}},
		"a map": {"DestinationRule", `{host: a, trafficPolicy: {loadBalancer: {localityLbSetting: {distribute: [{from: "us/*", to: {"us/a": 60, "us/b": 50}}]}}}}`,
			[]string{"total locality weight 110 != 100: spec.trafficPolicy.loadBalancer.localityLbSetting.distribute[0].to"}},
		"a key": {"VirtualService", `{hosts: [a], http: [{headers: {request: {set: {"x-a.b": "%"}}}, route: [{destination: {host: a}}]}]}`,
			[]string{"header value configuration: invalid header configuration. Un-escaped %: spec.http[0].headers.request.set[x-a.b]"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte("apiVersion: networking.istio.io/v1\nkind: "+c.kind+"\nmetadata: {name: a, namespace: b}\nspec:\n  "+c.spec), &o.Object); err != nil {
				t.Fatal(err)
			}
			verdict := judges[c.kind].Check(o)
			var got []string
			for _, f := range judges[c.kind].Place(o, slices.Concat(verdict.Errors, verdict.Warnings)) {
				got = append(got, f.Message+": "+strings.Join(f.Fields, " "))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

// routes returns a VirtualService whose i-th rule is rule(i).
func routes(n int, rule func(i int) map[string]any) *unstructured.Unstructured {
	var http []any
	for i := range n {
		r := rule(i)
		r["route"] = []any{map[string]any{"destination": map[string]any{"host": "a"}}}
		http = append(http, r)
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": map[string]any{"name": "a", "namespace": "b"},
		"spec": map[string]any{"hosts": []any{"a"}, "http": http},
	}}
}

// hidden returns n rules, of which only the first one is ever reached. That gives n-1 warnings.
func hidden(n int) *unstructured.Unstructured {
	return routes(n, func(i int) map[string]any {
		if i == 0 {
			return map[string]any{}
		}
		return map[string]any{"match": []any{map[string]any{"uri": map[string]any{"prefix": fmt.Sprint("/", i)}}}}
	})
}

// Each of many findings gets its own place, even if their messages are equal, as long as the limit of attempts allows.
func TestPlace_many(t *testing.T) {
	t.Parallel()
	judge := judges["VirtualService"]
	redirects := routes(12, func(i int) map[string]any {
		r := map[string]any{"match": []any{map[string]any{"port": int64(i + 1)}}}
		if i >= 3 {
			r["redirect"] = map[string]any{"uri": "/x"}
		}
		return r
	})
	const both = "HTTP route cannot contain both route and redirect"
	places := make(map[string]bool)
	for _, f := range judge.Place(redirects, judge.Check(redirects).Errors) {
		if f.Message == both {
			places[strings.Join(f.Fields, " ")] = true
		}
	}
	for i := 3; i < 12; i++ {
		if want := fmt.Sprintf("spec.http[%[1]d].redirect spec.http[%[1]d].route[0]", i); !places[want] {
			t.Errorf("no finding at %s, but at %v", want, places)
		}
	}
	o := hidden(30)
	for i, f := range judge.Place(o, judge.Check(o).Warnings) {
		if want := fmt.Sprintf("spec.http[%d].match", i+1); !slices.ContainsFunc(f.Fields, func(field string) bool { return strings.HasPrefix(field, want) }) {
			t.Errorf("%q is at %v, not at %s", f.Message, f.Fields, want)
		}
	}
	// Beyond the limit, each finding is still reported, and none at a wrong place.
	o = hidden(300)
	warnings := judge.Check(o).Warnings
	placed := judge.Place(o, warnings)
	if len(placed) != len(warnings) {
		t.Errorf("%d of %d warnings are left", len(placed), len(warnings))
	}
	for i, f := range placed {
		if at, rule := f.Fields[0], fmt.Sprintf("spec.http[%d]", i+1); !strings.HasPrefix(at, rule) && !strings.HasPrefix(rule, at) {
			t.Errorf("%q is at %v", f.Message, f.Fields)
		}
	}
}

// BenchmarkPlace measures how long it takes to place n-1 warnings of n rules.
func BenchmarkPlace(b *testing.B) {
	judge := judges["VirtualService"]
	for _, n := range []int{10, 50, 100} {
		o := hidden(n)
		warnings := judge.Check(o).Warnings
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				judge.Place(o, warnings)
			}
		})
	}
}
