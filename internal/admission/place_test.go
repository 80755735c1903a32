package admission_test

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/magneticio/terraform-provider-lamia/internal/admission"
)

var judges = map[string]*admission.Judges{
	"Gateway": admission.Gateway(), "VirtualService": admission.VirtualService(),
	"DestinationRule": admission.DestinationRule(), "ServiceEntry": admission.ServiceEntry(),
}

// A finding is put where something has to change.
func TestPlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind, spec string
		want       []string // the message, and the fields that do not go together
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
