package analysis_test

import "testing"

func TestVirtualService_conflicts(t *testing.T) {
	t.Parallel()
	vs := func(name, hosts, more string) string {
		return "- {kind: VirtualService, name: " + name + ", spec: {hosts: [" + hosts + "]" + more + "}}\n"
	}
	twin := func(name, hosts, more string) string {
		return "- {kind: VirtualService, twin: true, name: " + name + ", spec: {hosts: [" + hosts + "]" + more + "}}\n"
	}
	gw := "- {kind: Gateway, name: gw, spec: {servers: [{hosts: [x.example.com, '*.test']}]}}\n"
	const on = ", gateways: [gw]"
	mesh := func(it, winner, why string) [][]string {
		return [][]string{{"spec.hosts[0]", `VirtualService "a/vs" and VirtualService "` + it + `" have the same host in the mesh`,
			`Sidecars in namespace "a" follow only VirtualService "` + winner + `"`, why}}
	}
	gateway := func(it, winner, why string) [][]string {
		return [][]string{{"spec.hosts[0]", `VirtualService "a/vs" and VirtualService "` + it + `" have the same host on Gateway "a/gw"`,
			`VirtualService "` + winner + `" comes first`, why}}
	}
	run(t, map[string]test{
		"mesh, older":       {objects: vs("vs", "x", "") + vs("o", "x", ""), want: mesh("a/o", "a/vs", "older")},
		"mesh, younger":     {objects: vs("vs", "w, x", "") + vs("o", "x", ""), want: [][]string{{"spec.hosts[1]", `"x.a.svc.cluster.local"`}}},
		"mesh, equally old": {objects: vs("vs", "x", "") + twin("o", "x", ""), want: mesh("a/o", "a/o", "same second")},
		"equally old, name": {objects: vs("vs", "x", "") + twin("w", "x", ""), want: mesh("a/w", "a/vs", "sorts first")},
		"equally old, namespace": {objects: vs("vs", "x.b.svc.cluster.local", "") + twin("b/vs", "x", ""),
			want: mesh("b/vs", "a/vs", "sorts first")},
		"other host":                     {objects: vs("vs", "x", "") + vs("o", "w", "")},
		"short and full name":            {objects: vs("vs", "x", "") + vs("o", "x.a.svc.cluster.local", ""), want: mesh("a/o", "a/vs", "older")},
		"another domain":                 {objects: vs("vs", "x", "") + vs("o", "x.a.svc.corp.example", ""), want: mesh("a/o", "a/vs", "older")},
		"short, two meanings":            {objects: vs("vs", "x", "") + vs("b/o", "x", "")},
		"overlap only":                   {objects: vs("vs", "x.example.com", "") + vs("o", "'*.example.com'", "")},
		"same wildcard":                  {objects: vs("vs", "'*.example.com'", "") + vs("o", "'*.example.com'", ""), want: mesh("a/o", "a/vs", "older")},
		"mesh and gateway":               {objects: vs("vs", "x.example.com", "") + vs("o", "x.example.com", on) + gw},
		"mesh by name":                   {objects: vs("vs", "x.example.com", "") + vs("o", "x.example.com", ", gateways: [gw, mesh]") + gw, want: mesh("a/o", "a/vs", "older")},
		"namespace not named":            {objects: vs("vs", "x.example.com", "") + vs("b/o", "x.example.com", ""), want: mesh("b/o", "a/vs", "older")},
		"namespace not named or unknown": {objects: vs("vs", "x.example.com", "") + vs("b/o", "x.example.com", ""), unknown: []string{"c"}},
		"namespace of the host": {objects: vs("vs", "x.b.svc.cluster.local", "") + vs("b/o", "x", ""),
			want: mesh("b/o", "a/vs", "older")},
		"namespace unknown": {objects: vs("vs", "x.b.svc.cluster.local", "") + vs("b/o", "x", ""), unknown: []string{"b"}},
		"both private":      {objects: vs("vs", "x.b.svc.cluster.local", ", exportTo: [.]") + vs("b/o", "x", ", exportTo: [.]")},
		"one private": {objects: vs("vs", "x.b.svc.cluster.local", "") + vs("b/o", "x", ", exportTo: [.]"),
			want: [][]string{{"spec.hosts[0]", `Sidecars in namespace "b" follow only VirtualService "b/o", because it is exported to fewer namespaces`}}},
		"exported to the other": {objects: vs("vs", "x.b.svc.cluster.local", ", exportTo: [b]") + vs("b/o", "x", ", exportTo: [.]"),
			want: [][]string{{"spec.hosts[0]", `Sidecars in namespace "b" follow only VirtualService "b/o"`}}},
		"exported to no one":   {objects: vs("vs", "x", ", exportTo: ['~']") + vs("o", "x", "")},
		"everywhere by star":   {objects: vs("vs", "x", ", exportTo: ['*']") + vs("o", "x", ""), want: mesh("a/o", "a/vs", "older")},
		"gateway":              {objects: vs("vs", "x.example.com", on) + vs("o", "x.example.com", ", gateways: [a/gw]") + gw, want: gateway("a/o", "a/vs", "older")},
		"gateway, equally old": {objects: vs("vs", "x.example.com", on) + twin("o", "x.example.com", on) + gw, want: gateway("a/o", "a/o", "same second")},
		"gateway's namespace": {objects: vs("b/vs", "x.example.com", ", gateways: [a/gw]") + vs("o", "x.example.com", on) + gw,
			want: [][]string{{"spec.hosts[0]", `VirtualService "b/vs" comes first`}}},
		"other gateway":             {objects: vs("vs", "x.example.com", on) + vs("b/o", "x.example.com", on) + gw},
		"unknown gateway":           {objects: vs("vs", "x.example.com", ", gateways: [b/gw]") + vs("o", "x.example.com", ", gateways: [b/gw]"), unknown: []string{"b"}},
		"two wildcards, one server": {objects: vs("vs", "'*'", on) + vs("o", "x.example.com, '*.test'", on) + gw, want: gateway("a/o", "a/vs", `"x.example.com"`)},
		"wildcard on a wildcard":    {objects: vs("vs", "'*.test'", on) + vs("o", "x.test", on) + gw},
		"two gateways": {objects: vs("vs", "x.example.com", ", gateways: [mesh, gw]") + vs("o", "x.example.com", ", gateways: [gw, mesh]") + gw,
			want: [][]string{{"spec.hosts[0]", "in the mesh"}, {"spec.hosts[0]", "on Gateway"}}},
		"two others":    {objects: vs("vs", "x", "") + vs("o", "x", "") + vs("p", "x", ""), want: append(mesh("a/o", "a/vs", "older"), mesh("a/p", "a/vs", "older")...)},
		"two delegates": {objects: "- {kind: VirtualService, name: vs, spec: {}}\n- {kind: VirtualService, name: o, spec: {}}"},
		"equally old, other namespace": {objects: vs("b/vs", "x.a.svc.cluster.local", "") + twin("vs", "x", ""),
			want: [][]string{{"spec.hosts[0]", `Sidecars in namespace "b" follow only VirtualService "a/vs"`, "sorts first"}}},
		"exported by name": {objects: vs("b/vs", "x", ", exportTo: [c]") + vs("c/o", "x.b.svc.cluster.local", ""),
			want: [][]string{{"spec.hosts[0]", `Sidecars in namespace "c" follow only VirtualService "b/vs"`}}},
		"address": {objects: vs("vs", "'fd00::1'", ", gateways: [b/gw]") + vs("b/o", "'fd00::1'", on) + "- {kind: Gateway, name: b/gw, spec: {servers: [{hosts: ['*']}]}}",
			want: [][]string{{"spec.hosts[0]", `have the same host on Gateway "b/gw"`}}},
	}, virtualService)
}
