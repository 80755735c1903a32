package analysis_test

import (
	"slices"
	"testing"

	"github.com/magneticio/terraform-provider-lamia/internal/analysis"
)

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
		"routed":          {objects: before + after + vs("vs", "host: svc, subset: v1"), want: refused},
		"not routed":      {objects: before + after + vs("vs", "host: svc, subset: v2")},
		"no subset":       {objects: before + after + vs("vs", "host: svc")},
		"other host":      {objects: before + after + vs("vs", "host: svc2, subset: v1")},
		"nothing removed": {objects: before + before + vs("vs", "host: svc, subset: v1")},
		"unknown":         {objects: before + after + vs("vs", "host: svc, subset: v1"), unknown: []string{"a"}},
		"in another rule": {objects: before + after + vs("vs", "host: svc, subset: v1") + "- {kind: DestinationRule, name: o, spec: {host: svc, subsets: [{name: v1}]}}"},
		"in a wildcard's": {objects: before + after + vs("vs", "host: svc, subset: v1") + "- {kind: DestinationRule, name: o, spec: {host: '*.local', subsets: [{name: v1}]}}", want: refused},
		"other host now":  {objects: before + "- {kind: DestinationRule, name: dr, spec: {host: svc2, subsets: [{name: v1}, {name: v2}]}}\n" + vs("vs", "host: svc, subset: v1"), want: refused},
		"another's": {objects: before + after + vs("b/vs", "host: svc.a.svc.cluster.local, subset: v1"),
			want: [][]string{{"spec.subsets", `VirtualService "b/vs" still routes to "v1" of DestinationRule "a/dr"`}}},
		"another's, unknown": {objects: before + after + vs("b/vs", "host: svc.a.svc.cluster.local, subset: v1"), unknown: []string{"b"}},
		"never this one's":   {objects: before + after + vs("vs", "host: svc.b.svc.cluster.local, subset: v1") + "- {kind: DestinationRule, name: b/o, spec: {host: svc, subsets: [{name: v1}]}}"},
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
