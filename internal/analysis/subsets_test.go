package analysis_test

import (
	"testing"

	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

func TestVirtualService_subsets(t *testing.T) {
	t.Parallel()
	vs := func(more string) string {
		return "- {kind: VirtualService, name: vs, spec: {hosts: [x.example.com]" + more + "}}\n"
	}
	to := func(host string) string {
		return ", http: [{route: [{weight: 1, destination: {host: svc}}, {weight: 1, destination: {host: " + host + ", subset: v1}}]}]"
	}
	dr := func(name, host, more string) string {
		return "- {kind: DestinationRule, name: " + name + ", spec: {host: '" + host + "', subsets: [{name: v1}, {name: v2}]" + more + "}}\n"
	}
	gw := "- {kind: Gateway, name: b/gw, spec: {servers: [{hosts: ['*']}]}}\n"
	const se = "- {kind: ServiceEntry, name: se, spec: {hosts: [api.example.com], ports: [{number: 80, name: http, protocol: HTTP}]}}\n"
	const gwPod = "- {kind: Pod, name: b/gw, labels: {gateway: b-gw}}\n"
	missing := func(says ...string) [][]string {
		return [][]string{append([]string{"spec.http[0].route[1].destination.subset", `VirtualService "a/vs" routes to the subset "v1" of "`}, says...)}
	}
	run(t, map[string]test{
		"there":       {objects: vs(to("svc")) + dr("dr", "svc", "")},
		"full name":   {objects: vs(to("svc.a.svc.cluster.local")) + dr("dr", "svc", "")},
		"no rule":     {objects: vs(to("svc")), want: missing(`a proxy in namespace "a" has no DestinationRule yet`, "503")},
		"other host":  {objects: vs(to("svc")) + dr("dr", "svc2", ""), want: missing("no DestinationRule yet")},
		"other names": {objects: vs(to("svc")) + "- {kind: DestinationRule, name: dr, spec: {host: svc, subsets: [{name: v2}]}}", want: missing(`follows DestinationRule "a/dr", which has the subsets "v2"`)},
		"no subsets":  {objects: vs(to("svc")) + "- {kind: DestinationRule, name: dr, spec: {host: svc}}", want: missing(`DestinationRule "a/dr", which has no subsets`)},
		"two rules":   {objects: vs(to("svc")) + "- {kind: DestinationRule, name: dr2, spec: {host: svc, subsets: [{name: v3}]}}\n" + dr("dr", "svc", "")},
		"wildcard":    {objects: vs(to("svc")) + dr("dr", "*.a.svc.cluster.local", "")},
		"wildcard that counts less": {objects: vs(to("svc")) + dr("w", "*.local", "") + "- {kind: DestinationRule, name: dr, spec: {host: svc}}",
			want: missing(`DestinationRule "a/dr", which has no subsets`)},
		"unknown":             {objects: vs(to("svc")), unknown: []string{"a"}},
		"elsewhere":           {objects: vs(to("svc.b.svc.cluster.local")) + dr("b/dr", "svc", "")},
		"elsewhere, unknown":  {objects: vs(to("svc.b.svc.cluster.local")), unknown: []string{"b"}},
		"elsewhere, own rule": {objects: vs(to("svc.b.svc.cluster.local")) + dr("dr", "svc.b.svc.cluster.local", ""), unknown: []string{"b"}},
		"elsewhere, own rule goes first": {objects: vs(to("svc.b.svc.cluster.local")) + dr("b/dr", "svc", "") + "- {kind: DestinationRule, name: dr, spec: {host: svc.b.svc.cluster.local}}",
			want: missing(`DestinationRule "a/dr", which has no subsets`)},
		"elsewhere, private":             {objects: vs(to("svc.b.svc.cluster.local")) + dr("b/dr", "svc", ", exportTo: [.]"), want: missing("no DestinationRule yet")},
		"elsewhere, exported":            {objects: vs(to("svc.b.svc.cluster.local")) + dr("b/dr", "svc", ", exportTo: [a]")},
		"elsewhere, of workloads":        {objects: vs(to("svc.b.svc.cluster.local")) + dr("b/dr", "svc", ", workloadSelector: {matchLabels: {x: z}}"), want: missing("no DestinationRule yet")},
		"elsewhere, hidden by another's": {objects: vs(to("svc.b.svc.cluster.local")) + dr("b/w", "*.local", "") + dr("b/dr", "svc", ", exportTo: [c]"), want: missing("no DestinationRule yet")},
		"elsewhere, not hidden":          {objects: vs(to("svc.b.svc.cluster.local")) + dr("b/w", "*.local", "") + dr("b/dr", "svc", ", exportTo: [.]")},
		"exported away, hides nothing":   {objects: vs(to("svc")) + dr("w", "*.local", "") + dr("dr", "svc", ", exportTo: [c]")},
		"exported away":                  {objects: vs(to("svc")) + dr("dr", "svc", ", exportTo: [b]"), want: missing("no DestinationRule yet")},
		"third namespace":                {objects: vs(to("svc.b.svc.cluster.local")) + dr("c/dr", "svc.b.svc.cluster.local", ""), want: missing("no DestinationRule yet")},
		"gateway's namespace":            {objects: vs(", gateways: [b/gw]"+to("svc")) + dr("b/dr", "svc.a.svc.cluster.local", "") + gw},
		"gateway's namespace, unknown":   {objects: vs(", gateways: [b/gw]" + to("svc")), unknown: []string{"b"}},
		"gateway's namespace goes first": {objects: vs(", gateways: [b/gw]"+to("svc")) + dr("dr", "svc", "") + gw +
			"- {kind: DestinationRule, name: b/dr, spec: {host: svc.a.svc.cluster.local}}\n" + gwPod, want: missing(`namespace "b" follows DestinationRule "b/dr"`)},
		"root namespace goes last": {objects: vs(", gateways: [istio-system/gw]"+to("svc")) + dr("dr", "svc", "") +
			"- {kind: Gateway, name: istio-system/gw, spec: {servers: [{hosts: ['*']}]}}\n" +
			"- {kind: DestinationRule, name: istio-system/dr, spec: {host: svc.a.svc.cluster.local}}"},
		"another root namespace": {objects: vs(to("svc.b.svc.cluster.local")) + dr("root/dr", "svc.b.svc.cluster.local", ""), settings: mesh.Settings{RootNamespace: "root"}},
		"another root namespace, unknown": {objects: vs(to("svc")), unknown: []string{"root"}, settings: mesh.Settings{RootNamespace: "root"},
			want: missing("no DestinationRule yet", `unless namespace "root", which cannot be read`)},
		"private by default, own": {objects: vs(to("svc")) + dr("dr", "svc", ""), settings: mesh.Settings{ExportTo: []string{"."}}},
		"private by default": {objects: vs(to("svc.b.svc.cluster.local")) + dr("b/dr", "svc", ""), settings: mesh.Settings{ExportTo: []string{"."}},
			want: [][]string{{"spec.http[0].route[1].destination.host", `visible to a proxy in namespace "a"`}}},
		"external":          {objects: vs(to("api.example.com")), want: [][]string{{"spec.http[0].route[1].destination.host", `routes to host "api.example.com", which does not exist`, "no ServiceEntry"}}},
		"external, unknown": {objects: vs(to("api.example.com")), unknown: []string{"b"}},
		"external, wildcard": {objects: vs(to("api.example.com")) + "- {kind: ServiceEntry, name: se, spec: {hosts: ['*.example.com'], ports: [{number: 80, name: http, protocol: HTTP}]}}",
			want: [][]string{{"spec.http[0].route[1].destination.host", `host "api.example.com"`}}},
		"external, ours":  {objects: vs(to("api.example.com")) + se, want: missing("no DestinationRule yet")},
		"external, ruled": {objects: vs(to("api.example.com")) + dr("dr", "api.example.com", "") + se},
		"external, endpoints without the labels": {
			objects: vs(to("api.example.com")) + "- {kind: DestinationRule, name: dr, spec: {host: api.example.com, subsets: [{name: v1, labels: {version: v1}}]}}\n" +
				"- {kind: ServiceEntry, name: se, spec: {hosts: [api.example.com], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}}",
			want: missing(`DestinationRule "a/dr" has the subset, but no endpoint of the ServiceEntry for the host has its labels: version=v1`, "503"),
		},
		"exported only":    {objects: vs(", exportTo: [b]"+to("svc.b.svc.cluster.local")) + dr("b/dr", "svc", ", exportTo: [.]")},
		"delegate, unused": {objects: "- {kind: VirtualService, name: vs, spec: {http: [{route: [{destination: {host: svc, subset: v1}}]}]}}"},
		"delegate, used": {objects: "- {kind: VirtualService, name: vs, spec: {http: [{route: [{weight: 1, destination: {host: svc}}, {weight: 1, destination: {host: svc, subset: v1}}]}]}}\n" +
			"- {kind: VirtualService, name: root, spec: {hosts: [x], http: [{delegate: {name: vs}}]}}", want: missing("no DestinationRule yet")},
		"everywhere in the object": {
			objects: `[{kind: VirtualService, name: vs, spec: {hosts: [x, v, z],
				http: [{mirror: {host: x, subset: m}, mirrors: [{destination: {host: x, subset: m}}], route: [{destination: {host: x, subset: m}}]}],
				tls: [{match: [{sniHosts: [v], port: 443}], route: [{destination: {host: v, subset: m}}]}], tcp: [{route: [{destination: {host: z, subset: m}}]}]}},
				{kind: Service, name: x, spec: {}}, {kind: Service, name: v, spec: {clusterIP: 10.0.0.1, ports: [{port: 443, name: tls}]}},
				{kind: Service, name: z, spec: {clusterIP: 10.0.0.2, ports: [{port: 3306, name: tcp}]}}]`,
			want: [][]string{
				{"spec.http[0].mirror.subset"}, {"spec.http[0].mirrors[0].destination.subset"}, {"spec.http[0].route[0].destination.subset"},
				{"spec.tcp[0].route[0].destination.subset"}, {"spec.tls[0].route[0].destination.subset"},
			},
		},
	}, virtualService)
}
