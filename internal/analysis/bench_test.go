package analysis_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/magneticio/terraform-provider-lamia/internal/analysis"
)

// BenchmarkVirtualService checks one virtual service in a namespace of 200, each with a destination rule.
func BenchmarkVirtualService(b *testing.B) {
	var text strings.Builder
	text.WriteString("- {kind: Gateway, name: gw, spec: {servers: [{hosts: ['*']}]}}\n")
	for i := range 200 {
		fmt.Fprintf(&text, "- {kind: VirtualService, name: vs-%d, spec: {hosts: [%[1]d.example.com], gateways: [gw], http: [{route: [{destination: {host: svc-%[1]d, subset: v1}}]}]}}\n", i)
		fmt.Fprintf(&text, "- {kind: Service, name: svc-%d, spec: {}}\n", i)
		fmt.Fprintf(&text, "- {kind: DestinationRule, name: dr-%d, spec: {host: svc-%[1]d, subsets: [{name: v1}]}}\n", i)
	}
	c := parse(b, text.String())
	for name, derived := range map[string]map[any]any{"apply": nil, "plan": {}} {
		b.Run(name, func(b *testing.B) {
			c.derived = derived
			for b.Loop() {
				if findings := analysis.VirtualService(c, c.virtualServices[100]); findings != nil {
					b.Fatal(findings)
				}
			}
		})
	}
}
