package analysis_test

import (
	"slices"
	"testing"

	"github.com/magneticio/terraform-provider-lamia/internal/analysis"
	"github.com/magneticio/terraform-provider-lamia/internal/engine"
)

// The analysis follows Istio where its behavior may surprise.
func TestVirtualService_asIstioDoes(t *testing.T) {
	t.Parallel()
	const shared = "- {kind: Gateway, name: gw, spec: {selector: {istio: ingressgateway}, servers: [{hosts: ['*']}]}}\n" +
		"- {kind: Pod, name: istio-system/ingress, labels: {istio: ingressgateway, pod-template-hash: x}}\n"
	vs := func(name, hosts, more string) string {
		return "- {kind: VirtualService, name: " + name + ", spec: {hosts: [" + hosts + "], " + more + "}}\n"
	}
	const v1 = "http: [{route: [{destination: {host: svc, subset: v1}}]}]"
	path := func(match string) string {
		return "gateways: [gw], http: [{match: [{uri: {" + match + "}}], route: [{destination: {host: svc}}]}]"
	}
	const all = "gateways: [gw], http: [{route: [{destination: {host: svc}}]}]"
	run(t, map[string]test{
		// A gateway's proxies run where its selector finds pods.
		"a shared gateway does not see a private rule": {
			objects: vs("vs", "x.example.com", "gateways: [gw], "+v1) + shared + "- {kind: DestinationRule, name: dr, spec: {host: svc, exportTo: [.], subsets: [{name: v1}]}}",
			want:    [][]string{{"spec.http[0].route[0].destination.subset", `the subset "v1" of "svc"`, `a proxy in namespace "istio-system" has no DestinationRule yet`}},
		},
		"a shared gateway sees a rule for all": {
			objects: vs("vs", "x.example.com", "gateways: [gw], "+v1) + shared + "- {kind: DestinationRule, name: dr, spec: {host: svc, subsets: [{name: v1}]}}",
		},
		"a shared gateway does not see a private virtual service": {
			objects: vs("vs", "x.example.com", "exportTo: [.], gateways: [gw], "+v1) + shared,
		},
		"a gateway without known proxies may see a private rule": {
			objects: vs("vs", "x.example.com", "gateways: [gw], "+v1) + "- {kind: Gateway, name: gw, spec: {servers: [{hosts: ['*']}]}}\n" +
				"- {kind: DestinationRule, name: dr, spec: {host: svc, exportTo: [.], subsets: [{name: v1}]}}",
		},
		// Routes that match everything come last, whatever their age.
		"an older rule for all hides no path":  {objects: vs("vs", "x.example.com", path("exact: /x")) + vs("o", "x.example.com", all) + shared},
		"a younger path is not hidden":         {objects: vs("vs", "x.example.com", all) + vs("o", "x.example.com", path("exact: /x")) + shared},
		"an older prefix hides a younger path": {objects: vs("vs", "x.example.com", path("prefix: /x")) + vs("o", "x.example.com", path("exact: /x/y")) + shared, want: [][]string{{"spec.hosts[0]", `VirtualService "a/vs" comes first, because it is older: requests that match its http[0] never reach http[0] of VirtualService "a/o"`}}},
		"a younger prefix hides nothing":       {objects: vs("vs", "x.example.com", path("exact: /x/y")) + vs("o", "x.example.com", path("prefix: /x")) + shared},
		"other headers are other requests": {objects: vs("vs", "x.example.com", "gateways: [gw], http: [{match: [{headers: {a: {exact: b}}}], route: [{destination: {host: svc}}]}]") +
			vs("o", "x.example.com", all) + shared},
		// Rules for TCP or TLS connections do not compete with rules for HTTP requests.
		"tcp and http": {objects: vs("vs", "svc", "tcp: [{route: [{destination: {host: svc}}]}]") + vs("o", "svc", "http: [{route: [{destination: {host: svc}}]}]") +
			"- {kind: Service, name: svc, spec: {clusterIP: 10.0.0.1, ports: [{name: http, port: 80}, {name: tcp, port: 3306}]}}"},
		"tls and http": {objects: vs("vs", "svc", "tls: [{match: [{sniHosts: [svc]}], route: [{destination: {host: svc, port: {number: 443}}}]}]") +
			vs("o", "svc", "http: [{route: [{destination: {host: svc, port: {number: 80}}}]}]") +
			"- {kind: Service, name: svc, spec: {clusterIP: 10.0.0.1, ports: [{name: http, port: 80}, {name: tls, port: 443}]}}"},
		// Sidecars limit what proxies know.
		"a Sidecar brings what rules lead to": {
			objects: vs("vs", "x", "http: [{route: [{destination: {host: svc.b.svc.cluster.local}}]}]") + "- {kind: Sidecar, name: s, spec: {egress: [{hosts: [./*]}]}}",
		},
		"a Sidecar does not see the rule": {objects: vs("vs", "x", v1) + "- {kind: Sidecar, name: s, spec: {egress: [{hosts: [b/*]}]}}"},
		"a Sidecar of other workloads": {
			objects: vs("vs", "x", "http: [{route: [{destination: {host: svc}}]}]") + "- {kind: Sidecar, name: s, spec: {workloadSelector: {labels: {app: z}}, egress: [{hosts: [./*]}]}}",
		},
		"unknown Sidecars": {
			objects: vs("vs", "x", v1), unknown: []string{"Sidecar"},
		},
		// What does not exist.
		"a port that the Service does not have": {
			objects: vs("vs", "x", "http: [{route: [{destination: {host: svc, port: {number: 81}}}]}]"),
			want:    [][]string{{"spec.http[0].route[0].destination.port", `routes to port 81 of "svc", which does not exist`, "has the ports [80]"}},
		},
		"any port of a Service, but 80": {
			objects: vs("vs", "svc", "http: [{route: [{destination: {host: svc}}]}]") + "- {kind: Service, name: svc, spec: {ports: [{name: http, port: 9080}]}}",
		},
		"ports of another Service": {
			objects: vs("vs", "svc", "http: [{route: [{destination: {host: o}}]}]") + "- {kind: Service, name: svc, spec: {ports: [{name: http, port: 9080}]}}\n" +
				"- {kind: Service, name: o, spec: {ports: [{name: http, port: 9081}, {name: http-o, port: 9082}]}}",
			want: [][]string{{"spec.http[0].route[0].destination", `routes to port 9080 of "o", which does not exist`, "the destination sets no port"}},
		},
		"a Service without pods": {
			objects: vs("vs", "x", "http: [{route: [{destination: {host: svc}}]}]") + "- {kind: Service, name: svc, spec: {selector: {app: x}}}",
			want:    [][]string{{"spec.http[0].route[0].destination.host", `routes to Service "a/svc", which has no pod yet`, "app=x"}},
		},
		// What no proxy gets.
		"a rule for a port that no one listens on": {
			objects: vs("vs", "x", "http: [{match: [{port: 81}], route: [{destination: {host: svc}}]}, {route: [{destination: {host: svc}}]}]"),
			want:    [][]string{{"spec.http[0]", `No proxy gets http[0] of VirtualService "a/vs"`}},
		},
		"a rule for another gateway": {
			objects: vs("vs", "x.example.com", "gateways: [gw], http: [{match: [{gateways: [mesh]}], route: [{destination: {host: svc}}]}, {route: [{destination: {host: svc}}]}]") + shared,
			want:    [][]string{{"spec.http[0]", `No proxy gets http[0]`}},
		},
		"a rule for certain pods": {
			objects: vs("vs", "x", "http: [{match: [{sourceLabels: {app: z}}], route: [{destination: {host: svc}}]}, {route: [{destination: {host: svc}}]}]"),
		},
		"tcp rules for a gateway of requests": {
			objects: vs("vs", "x.example.com", "gateways: [gw], tcp: [{route: [{destination: {host: svc}}]}]") + shared,
			want:    [][]string{{"spec.tcp", `No proxy gets tcp of VirtualService "a/vs"`}},
		},
	}, virtualService)
}

func TestGateway(t *testing.T) {
	t.Parallel()
	gw := func(name, port, hosts string) string {
		return "- {kind: Gateway, name: " + name + ", spec: {selector: {istio: x}, servers: [{port: {" + port + "}, hosts: [" + hosts + "]}]}}\n"
	}
	const http, tcp = "number: 80, name: http, protocol: HTTP", "number: 80, name: tcp, protocol: TCP"
	same := [][]string{{"spec.servers[0].hosts", `Gateway "a/gw" and Gateway "b/gw" have the same host on the same port and proxies`, `"x.example.com" on port 80`}}
	run(t, map[string]test{
		"alone":              {objects: gw("gw", http, "x.example.com")},
		"same":               {objects: gw("gw", http, "x.example.com") + gw("b/gw", http, "x.example.com"), want: same},
		"wildcard":           {objects: gw("gw", http, "'*.example.com'") + gw("b/gw", http, "x.example.com"), want: same},
		"other host":         {objects: gw("gw", http, "x.example.com") + gw("b/gw", http, "y.example.com")},
		"other port":         {objects: gw("gw", http, "x.example.com") + gw("b/gw", "number: 8080, name: http, protocol: HTTP", "x.example.com")},
		"other proxies":      {objects: gw("gw", http, "x.example.com") + "- {kind: Gateway, name: b/gw, spec: {selector: {istio: z}, servers: [{hosts: [x.example.com]}]}}"},
		"other protocol":     {objects: gw("b/gw", tcp, "'*'") + gw("gw", http, "x.example.com")},
		"namespace unknown":  {objects: gw("gw", http, "x.example.com") + gw("b/gw", http, "x.example.com"), unknown: []string{"b"}},
		"younger, no effect": {objects: gw("gw", tcp, "'*'"), want: nil},
	}, func(c *objects) []engine.Finding { return analysis.Gateway(c, c.gateways[0]) })
	run(t, map[string]test{
		"younger of two protocols": {objects: gw("b/gw", tcp, "'*'") + gw("gw", http, "x.example.com"),
			want: [][]string{{"spec.servers[0]", `Gateway "b/gw" serves port 80 instead of Gateway "a/gw"`}}},
	}, func(c *objects) []engine.Finding { return analysis.Gateway(c, c.gateways[1]) })
}

// Istio does not merge rules of the same host with different exportTo. Only the youngest one applies.
func TestDestinationRule_exportTo(t *testing.T) {
	t.Parallel()
	dr := func(name, more string) string {
		return "- {kind: DestinationRule, name: " + name + ", spec: {host: svc, subsets: [{name: " + name + "}]" + more + "}}\n"
	}
	run(t, map[string]test{
		"older":   {objects: dr("dr", ", exportTo: [.]") + dr("o", ", exportTo: ['*']"), want: [][]string{{"spec.host", `Proxies in namespace "a" follow only DestinationRule "a/o"`}}},
		"younger": {objects: dr("dr", ", exportTo: [.]") + "- {kind: DestinationRule, name: o, spec: {host: svc, exportTo: [.]}}", want: [][]string{{"spec.host", "Istio merges them", `DestinationRule "a/dr" comes first`}}},
	}, destinationRule)
}

// A rule that a shared gateway does not see is not needed by the gateway.
func TestNeeded_private(t *testing.T) {
	t.Parallel()
	const rules = "- {kind: DestinationRule, name: dr, spec: {host: svc, exportTo: [.], subsets: [{name: v1}]}}\n- {kind: DestinationRule, name: dr, spec: {host: svc, exportTo: [.]}}\n"
	c := parse(t, rules+"- {kind: VirtualService, name: vs, spec: {hosts: [x.example.com], gateways: [gw], http: [{route: [{destination: {host: svc, subset: v1}}]}]}}\n"+
		"- {kind: Gateway, name: gw, spec: {selector: {istio: ingressgateway}, servers: [{hosts: ['*']}]}}\n- {kind: Pod, name: istio-system/ingress, labels: {istio: ingressgateway}}")
	was, is := c.destinationRules[0], c.destinationRules[1]
	c.destinationRules = slices.Delete(c.destinationRules, 1, 2)
	_, findings := analysis.Needed(c, was, is)
	expect(t, findings, nil)
}
