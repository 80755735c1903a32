package analysis_test

import (
	"slices"
	"testing"

	"github.com/magneticio/terraform-provider-lamia/internal/analysis"
)

func TestVirtualService_subsets(t *testing.T) {
	t.Parallel()
	vs := func(more string) string {
		return "- {kind: VirtualService, name: vs, spec: {hosts: [x.example.com]" + more + "}}\n"
	}
	to := func(host string) string {
		return ", http: [{route: [{destination: {host: svc}}, {destination: {host: " + host + ", subset: v1}}]}]"
	}
	dr := func(name, host, more string) string {
		return "- {kind: DestinationRule, name: " + name + ", spec: {host: '" + host + "', subsets: [{name: v1}, {name: v2}]" + more + "}}\n"
	}
	gw := "- {kind: Gateway, name: b/gw, spec: {servers: [{hosts: ['*']}]}}\n"
	missing := func(says ...string) [][]string {
		return [][]string{append([]string{"spec.http[0].route[1].destination.subset", `VirtualService "a/vs" routes to the subset "v1" of "`}, says...)}
	}
	run(t, map[string]test{
		"there":       {objects: vs(to("svc")) + dr("dr", "svc", "")},
		"full name":   {objects: vs(to("svc.a.svc.cluster.local")) + dr("dr", "svc", "")},
		"no rule":     {objects: vs(to("svc")), want: missing(`a proxy of namespace "a" has no DestinationRule yet`, "503")},
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
		"elsewhere, private":           {objects: vs(to("svc.b.svc.cluster.local")) + dr("b/dr", "svc", ", exportTo: [.]"), want: missing("no DestinationRule yet")},
		"elsewhere, exported":          {objects: vs(to("svc.b.svc.cluster.local")) + dr("b/dr", "svc", ", exportTo: [a]")},
		"elsewhere, of workloads":      {objects: vs(to("svc.b.svc.cluster.local")) + dr("b/dr", "svc", ", workloadSelector: {matchLabels: {x: z}}"), want: missing("no DestinationRule yet")},
		"exported away":                {objects: vs(to("svc")) + dr("dr", "svc", ", exportTo: [b]"), want: missing("no DestinationRule yet")},
		"third namespace":              {objects: vs(to("svc.b.svc.cluster.local")) + dr("c/dr", "svc.b.svc.cluster.local", ""), want: missing("no DestinationRule yet")},
		"gateway's namespace":          {objects: vs(", gateways: [b/gw]"+to("svc")) + dr("b/dr", "svc.a.svc.cluster.local", "") + gw},
		"gateway's namespace, unknown": {objects: vs(", gateways: [b/gw]" + to("svc")), unknown: []string{"b"}},
		"gateway's namespace goes first": {objects: vs(", gateways: [b/gw]"+to("svc")) + dr("dr", "svc", "") + gw +
			"- {kind: DestinationRule, name: b/dr, spec: {host: svc.a.svc.cluster.local}}", want: missing(`namespace "b" follows DestinationRule "b/dr"`)},
		"root namespace goes last": {objects: vs(", gateways: [istio-system/gw]"+to("svc")) + dr("dr", "svc", "") +
			"- {kind: Gateway, name: istio-system/gw, spec: {servers: [{hosts: ['*']}]}}\n" +
			"- {kind: DestinationRule, name: istio-system/dr, spec: {host: svc.a.svc.cluster.local}}"},
		"external":         {objects: vs(to("api.example.com"))},
		"external, ours":   {objects: vs(to("api.example.com")) + "- {kind: ServiceEntry, name: se, spec: {hosts: ['*.example.com']}}", want: missing("no DestinationRule yet")},
		"external, ruled":  {objects: vs(to("api.example.com")) + dr("dr", "api.example.com", "") + "- {kind: ServiceEntry, name: se, spec: {hosts: [api.example.com]}}"},
		"exported only":    {objects: vs(", exportTo: [b]"+to("svc.b.svc.cluster.local")) + dr("b/dr", "svc", ", exportTo: [.]")},
		"delegate, unused": {objects: "- {kind: VirtualService, name: vs, spec: {http: [{route: [{destination: {host: svc, subset: v1}}]}]}}"},
		"delegate, used": {objects: "- {kind: VirtualService, name: vs, spec: {http: [{route: [{destination: {host: svc}}, {destination: {host: svc, subset: v1}}]}]}}\n" +
			"- {kind: VirtualService, name: root, spec: {hosts: [x], http: [{delegate: {name: vs}}]}}", want: missing("no DestinationRule yet")},
		"everywhere in the object": {
			objects: `[{kind: VirtualService, name: vs, spec: {hosts: [x],
				http: [{mirror: {host: svc, subset: m}, mirrors: [{destination: {host: svc, subset: m}}], route: [{destination: {host: svc, subset: m}}]}],
				tls: [{route: [{destination: {host: svc, subset: m}}]}], tcp: [{route: [{destination: {host: svc, subset: m}}]}]}}]`,
			want: [][]string{
				{"spec.http[0].mirror.subset"}, {"spec.http[0].mirrors[0].destination.subset"}, {"spec.http[0].route[0].destination.subset"},
				{"spec.tcp[0].route[0].destination.subset"}, {"spec.tls[0].route[0].destination.subset"},
			},
		},
	}, virtualService)
}

func TestDestinationRule_pods(t *testing.T) {
	t.Parallel()
	dr := func(host, subset string) string {
		return "- {kind: DestinationRule, name: dr, spec: {host: '" + host + "', subsets: [{name: all}, {name: v1, labels: {" + subset + "}}]}}\n"
	}
	const svc = "- {kind: Service, name: svc, spec: {selector: {app: x}}}\n"
	pod := func(name, labels string) string {
		return "- {kind: Pod, name: " + name + ", labels: {" + labels + "}}\n"
	}
	none := [][]string{{"spec.subsets[1].labels", `Subset "v1" of DestinationRule "a/dr" selects no pod of Service "`, "app=x,version=v1", "yet"}}
	run(t, map[string]test{
		"there":                 {objects: dr("svc", "version: v1") + svc + pod("p", "app: x, version: v1, more: z")},
		"none":                  {objects: dr("svc", "version: v1") + svc + pod("p", "app: x, version: v2"), want: none},
		"of another app":        {objects: dr("svc", "version: v1") + svc + pod("p", "app: z, version: v1"), want: none},
		"of another namespace":  {objects: dr("svc", "version: v1") + svc + pod("b/p", "app: x, version: v1"), want: none},
		"elsewhere":             {objects: dr("svc.b.svc.cluster.local", "version: v1") + "- {kind: Service, name: b/svc, spec: {selector: {app: x}}}\n" + pod("b/p", "app: x, version: v2"), want: none},
		"elsewhere, unknown":    {objects: dr("svc.b.svc.cluster.local", "version: v1") + "- {kind: Service, name: b/svc, spec: {selector: {app: x}}}\n", unknown: []string{"b"}},
		"no service":            {objects: dr("svc", "version: v1")},
		"no selector":           {objects: dr("svc", "version: v1") + "- {kind: Service, name: svc, spec: {}}"},
		"external name":         {objects: dr("svc", "version: v1") + "- {kind: Service, name: svc, spec: {type: ExternalName, selector: {app: x}}}"},
		"external":              {objects: dr("api.example.com", "version: v1")},
		"wildcard":              {objects: dr("*.a.svc.cluster.local", "version: v1") + svc},
		"labels of the node":    {objects: dr("svc", "topology.kubernetes.io/zone: z") + svc},
		"labels of the network": {objects: dr("svc", "topology.istio.io/network: net") + svc},
	}, destinationRule)
}

func TestDestinationRule_elsewhere(t *testing.T) {
	t.Parallel()
	dr := func(name, host, more string) string {
		return "- {kind: DestinationRule, name: " + name + ", spec: {host: '" + host + "'" + more + "}}\n"
	}
	const full = "svc.a.svc.cluster.local"
	both := func(it string, says ...string) [][]string {
		return [][]string{append([]string{"spec.host", `DestinationRule "a/dr" and DestinationRule "` + it + `" are for the same host`, full}, says...)}
	}
	run(t, map[string]test{
		"alone":             {objects: dr("dr", "svc", "")},
		"other host":        {objects: dr("dr", "svc", "") + dr("o", "svc2", "")},
		"wildcard":          {objects: dr("dr", "svc", "") + dr("o", "*.local", "")},
		"older":             {objects: dr("dr", "svc", "") + dr("o", full, ""), want: both("a/o", `DestinationRule "a/dr" comes first`, "older")},
		"equally old":       {objects: dr("dr", "svc", "") + "- {kind: DestinationRule, twin: true, name: a, spec: {host: svc}}", want: both("a/a", `DestinationRule "a/a" comes first`, "same second")},
		"other workloads":   {objects: dr("dr", "svc", "") + dr("o", "svc", ", workloadSelector: {matchLabels: {x: z}}")},
		"same workloads":    {objects: dr("dr", "svc", ", workloadSelector: {matchLabels: {x: z}}") + dr("o", "svc", ", workloadSelector: {matchLabels: {x: z}}"), want: both("a/o")},
		"not named":         {objects: dr("dr", "svc", "") + dr("b/o", full, "")},
		"by export":         {objects: dr("dr", "svc", ", exportTo: [., b]") + dr("b/o", full, ""), want: both("b/o", `Proxies of namespace "b" follow DestinationRule "b/o" alone`)},
		"by export, hidden": {objects: dr("dr", "svc", ", exportTo: [., b]") + dr("b/o", full, ""), unknown: []string{"b"}},
	}, destinationRule)
	run(t, map[string]test{
		"of the host": {objects: dr("dr", "svc.b.svc.cluster.local", "") + dr("b/o", "svc", ""),
			want: [][]string{{"spec.host", `Proxies of namespace "a" follow DestinationRule "a/dr" alone, and all others DestinationRule "b/o"`}}},
		"of the host, private": {objects: dr("dr", "svc.b.svc.cluster.local", "") + dr("b/o", "svc", ", exportTo: [.]")},
		"of the host, hidden":  {objects: dr("dr", "svc.b.svc.cluster.local", "") + dr("b/o", "svc", ""), unknown: []string{"b"}},
	}, destinationRule)
}

// The first destination rule loses subset v1, or becomes the second.
func TestRemoval(t *testing.T) {
	t.Parallel()
	const before = "- {kind: DestinationRule, name: dr, spec: {host: svc, subsets: [{name: v1}, {name: v2}]}}\n"
	const after = "- {kind: DestinationRule, name: dr, spec: {host: svc, subsets: [{name: v2}]}}\n"
	vs := func(name, destination string) string {
		return "- {kind: VirtualService, name: " + name + ", spec: {hosts: [x], http: [{route: [{destination: {" + destination + "}}]}]}}\n"
	}
	refused := [][]string{{"spec.subsets", `VirtualService "a/vs" still routes to "v1" of DestinationRule "a/dr"`, "http[0].route[0].destination", "Nothing was written", "Apply that VirtualService first"}}
	for name, test := range map[string]test{
		"routed":           {objects: before + after + vs("vs", "host: svc, subset: v1"), want: refused},
		"not routed":       {objects: before + after + vs("vs", "host: svc, subset: v2")},
		"no subset":        {objects: before + after + vs("vs", "host: svc")},
		"other host":       {objects: before + after + vs("vs", "host: svc2, subset: v1")},
		"nothing removed":  {objects: before + before + vs("vs", "host: svc, subset: v1")},
		"unknown":          {objects: before + after + vs("vs", "host: svc, subset: v1"), unknown: []string{"a"}},
		"in another rule":  {objects: before + after + vs("vs", "host: svc, subset: v1") + "- {kind: DestinationRule, name: o, spec: {host: svc, subsets: [{name: v1}]}}"},
		"in a wildcard's":  {objects: before + after + vs("vs", "host: svc, subset: v1") + "- {kind: DestinationRule, name: o, spec: {host: '*.local', subsets: [{name: v1}]}}", want: refused},
		"other host now":   {objects: before + "- {kind: DestinationRule, name: dr, spec: {host: svc2, subsets: [{name: v1}, {name: v2}]}}\n" + vs("vs", "host: svc, subset: v1"), want: refused},
		"not theirs":       {objects: before + after + vs("b/vs", "host: svc.a.svc.cluster.local, subset: v1")},
		"never this one's": {objects: before + after + vs("vs", "host: svc.b.svc.cluster.local, subset: v1") + "- {kind: DestinationRule, name: b/o, spec: {host: svc, subsets: [{name: v1}]}}"},
		"from their namespace": {
			objects: "- {kind: DestinationRule, name: dr, spec: {host: svc.b.svc.cluster.local, subsets: [{name: v1}]}}\n- {kind: DestinationRule, name: dr, spec: {host: svc.b.svc.cluster.local}}\n" +
				vs("vs", "host: svc.b.svc.cluster.local, subset: v1"),
			unknown: []string{"b"}, want: refused, // whose rules count for less
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := parse(t, test.objects)
			c.unknown = test.unknown
			was, is := c.destinationRules[0], c.destinationRules[1]
			c.destinationRules = slices.Delete(c.destinationRules, 1, 2) // the cluster holds the one before
			expect(t, analysis.Removal(c, was, is), test.want)
		})
	}
}
