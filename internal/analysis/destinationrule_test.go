package analysis_test

import "testing"

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
		"external, not there":   {objects: dr("api.example.com", "version: v1"), want: [][]string{{"spec.host", `DestinationRule "a/dr" is for host "api.example.com", which does not exist`, "no ServiceEntry"}}},
		"external, unknown":     {objects: dr("api.example.com", "version: v1"), unknown: []string{"c"}},
		"external":              {objects: dr("api.example.com", "version: v1") + "- {kind: ServiceEntry, name: se, spec: {hosts: [api.example.com]}}"},
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
		"alone":                   {objects: dr("dr", "svc", "")},
		"other host":              {objects: dr("dr", "svc", "") + dr("o", "svc2", "")},
		"wildcard":                {objects: dr("dr", "svc", "") + dr("o", "*.local", "")},
		"older":                   {objects: dr("dr", "svc", "") + dr("o", full, ""), want: both("a/o", `DestinationRule "a/dr" comes first`, "older")},
		"equally old":             {objects: dr("dr", "svc", "") + "- {kind: DestinationRule, twin: true, name: a, spec: {host: svc}}", want: both("a/a", `DestinationRule "a/a" comes first`, "same second")},
		"other workloads":         {objects: dr("dr", "svc", "") + dr("o", "svc", ", workloadSelector: {matchLabels: {x: z}}")},
		"same workloads":          {objects: dr("dr", "svc", ", workloadSelector: {matchLabels: {x: z}}") + dr("o", "svc", ", workloadSelector: {matchLabels: {x: z}}"), want: both("a/o")},
		"not named":               {objects: dr("dr", "svc", "") + dr("b/o", full, "")},
		"by export":               {objects: dr("dr", "svc", ", exportTo: [., b]") + dr("b/o", full, ""), want: both("b/o", `Proxies in namespace "b" follow only DestinationRule "b/o"`)},
		"by export, of workloads": {objects: dr("dr", "svc", ", exportTo: [., b], workloadSelector: {matchLabels: {x: z}}") + dr("b/o", full, ", workloadSelector: {matchLabels: {x: z}}")},
		"by export, hidden":       {objects: dr("dr", "svc", ", exportTo: [., b]") + dr("b/o", full, ""), unknown: []string{"b"}},
	}, destinationRule)
	run(t, map[string]test{
		"of the host": {objects: dr("dr", "svc.b.svc.cluster.local", "") + dr("b/o", "svc", ""),
			want: [][]string{{"spec.host", `Proxies in namespace "a" follow only DestinationRule "a/dr"`}}},
		"of the host, private": {objects: dr("dr", "svc.b.svc.cluster.local", "") + dr("b/o", "svc", ", exportTo: [.]")},
		"of the host, hidden":  {objects: dr("dr", "svc.b.svc.cluster.local", "") + dr("b/o", "svc", ""), unknown: []string{"b"}},
	}, destinationRule)
}
