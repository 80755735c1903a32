package analysis_test

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/magneticio/terraform-provider-lamia/internal/analysis"
	"github.com/magneticio/terraform-provider-lamia/internal/engine"
)

// The first destination rule removes subset v1.
func TestNeeded(t *testing.T) {
	t.Parallel()
	const before = "- {kind: DestinationRule, name: dr, spec: {host: svc, subsets: [{name: v1}, {name: v2}]}}\n"
	const after = "- {kind: DestinationRule, name: dr, spec: {host: svc, subsets: [{name: v2}]}}\n"
	vs := func(name, destination string) string {
		return "- {kind: VirtualService, name: " + name + ", spec: {hosts: [x], http: [{route: [{destination: {" + destination + "}}]}]}}\n"
	}
	kept := [][]string{{"spec.subsets", `"v1" of DestinationRule "a/dr" stays as long as VirtualService "a/vs" routes to it`, "http[0].route[0].destination"}}
	for name, test := range map[string]test{
		"routed":          {objects: before + after + vs("vs", "host: svc, subset: v1"), want: kept},
		"not routed":      {objects: before + after + vs("vs", "host: svc, subset: v2")},
		"no subset":       {objects: before + after + vs("vs", "host: svc")},
		"other host":      {objects: before + after + vs("vs", "host: svc2, subset: v1")},
		"nothing removed": {objects: before + before + vs("vs", "host: svc, subset: v1")},
		"unknown":         {objects: before + after + vs("vs", "host: svc, subset: v1"), unknown: []string{"a"}},
		"in another rule": {objects: before + after + vs("vs", "host: svc, subset: v1") + "- {kind: DestinationRule, name: o, spec: {host: svc, subsets: [{name: v1}]}}"},
		"in a wildcard's": {objects: before + after + vs("vs", "host: svc, subset: v1") + "- {kind: DestinationRule, name: o, spec: {host: '*.local', subsets: [{name: v1}]}}", want: kept},
		"another's": {objects: before + after + vs("b/vs", "host: svc.a.svc.cluster.local, subset: v1"),
			want: [][]string{{"spec.subsets", `VirtualService "b/vs" routes to it`}}},
		"another's, unknown": {objects: before + after + vs("b/vs", "host: svc.a.svc.cluster.local, subset: v1"), unknown: []string{"b"}},
		"never this one's":   {objects: before + after + vs("vs", "host: svc.b.svc.cluster.local, subset: v1") + "- {kind: DestinationRule, name: b/o, spec: {host: svc, subsets: [{name: v1}]}}"},
		"from their namespace": {
			objects: "- {kind: DestinationRule, name: dr, spec: {host: svc.b.svc.cluster.local, subsets: [{name: v1}]}}\n- {kind: DestinationRule, name: dr, spec: {host: svc.b.svc.cluster.local}}\n" +
				vs("vs", "host: svc.b.svc.cluster.local, subset: v1"),
			unknown: []string{"b"}, want: kept, // rules in the host's namespace have lower precedence
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := parse(t, test.objects)
			c.unknown = test.unknown
			was, is := c.destinationRules[0], c.destinationRules[1]
			c.destinationRules = slices.Delete(c.destinationRules, 1, 2) // the cluster still has the old rule
			names, findings := analysis.Needed(c, was, is)
			expect(t, findings, test.want)
			if (test.want != nil) != slices.Equal(names, []string{"v1"}) {
				t.Errorf("%q are kept", names)
			}
		})
	}
}

// The first object of the kind is deleted, or changes to the second object of that name.
func TestLosses(t *testing.T) {
	t.Parallel()
	const vs = "- {kind: VirtualService, name: vs, spec: {hosts: [x.example.com], gateways: [gw], http: [{route: [{destination: {host: svc, subset: v1}}]}]}}\n"
	const svc = "- {kind: Service, name: svc, spec: {}}\n"
	dr := func(name, host string) string {
		return "- {kind: DestinationRule, name: " + name + ", spec: {host: " + host + ", subsets: [{name: v1}]}}\n"
	}
	gw := func(name, host string) string {
		return "- {kind: Gateway, name: " + name + ", spec: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['" + host + "']}]}}\n"
	}
	whole := vs + svc + dr("dr", "svc") + gw("gw", "*.example.com")
	const external = "- {kind: VirtualService, name: vs, spec: {hosts: [x], http: [{route: [{destination: {host: api.example.com}}]}]}}\n"
	entry := "- {kind: ServiceEntry, name: se, spec: {hosts: [api.example.com], ports: [{number: 80, name: http, protocol: HTTP}]}}\n"
	lost := func(says ...string) [][]string {
		return [][]string{append([]string{"", `VirtualService "a/vs" still needs`, "create_before_destroy"}, says...)}
	}
	for name, test := range map[string]struct {
		test
		kind string
	}{
		"rule deleted":               {test{objects: whole, want: lost(`DestinationRule "a/dr" as it was`, "http[0].route[0].destination.subset", "The deletion goes ahead")}, "DestinationRule"},
		"rule deleted, beside one":   {test{objects: whole + dr("other", "svc")}, "DestinationRule"},
		"rule for another host":      {test{objects: whole + dr("dr", "svc2"), want: lost("http[0].route[0].destination.subset", "The change goes ahead")}, "DestinationRule"},
		"rule that no one needs":     {test{objects: svc + dr("dr", "svc")}, "DestinationRule"},
		"gateway deleted":            {test{objects: whole, want: lost(`Gateway "a/gw" as it was`, "gateways[0]")}, "Gateway"},
		"gateway without the host":   {test{objects: whole + gw("gw", "*.example.org"), want: lost("hosts[0]", "is not served by a gateway")}, "Gateway"},
		"gateway with the host":      {test{objects: whole + gw("gw", "x.example.com")}, "Gateway"},
		"gateway of no one":          {test{objects: gw("other", "*") + whole}, "Gateway"},
		"service deleted":            {test{objects: whole, want: lost(`Service "a/svc" as it was`, "http[0].route[0].destination.host")}, "Service"},
		"service entry deleted":      {test{objects: external + entry, want: lost(`ServiceEntry "a/se" as it was`, `host "api.example.com", which does not exist`)}, "ServiceEntry"},
		"service entry, two of them": {test{objects: external + entry + "- {kind: ServiceEntry, name: b/se, spec: {hosts: [api.example.com], ports: [{number: 80, name: http, protocol: HTTP}]}}"}, "ServiceEntry"},
		"missed before":              {test{objects: vs + gw("gw", "*.example.com") + dr("dr", "nothing")}, "DestinationRule"},
		"unknown":                    {test{objects: whole, unknown: []string{"a"}}, "Gateway"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := parse(t, test.objects)
			c.unknown = test.unknown
			var findings []engine.Finding
			switch test.kind {
			case "DestinationRule":
				findings = losses(c, test.kind, &c.destinationRules)
			case "Gateway":
				findings = losses(c, test.kind, &c.gateways)
			case "Service":
				findings = losses(c, test.kind, &c.services)
			case "ServiceEntry":
				findings = losses(c, test.kind, &c.serviceEntries)
			}
			expect(t, findings, test.want)
		})
	}
}

func losses[T metav1.Object](c *objects, kind string, all *[]T) []engine.Finding {
	before := (*all)[0]
	for i, after := range (*all)[1:] {
		if after.GetName() == before.GetName() && after.GetNamespace() == before.GetNamespace() {
			*all = slices.Delete(*all, i+1, i+2) // the cluster still has the old object
			return analysis.Losses(c, kind, before, after)
		}
	}
	return analysis.Losses(c, kind, before, nil)
}
