package provider_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/provider"
)

type kind = engine.Kind

var uuid = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// A move fails if the state is not that of exactly one object of the resource's kind, and the error says why.
func TestMoved_refused(t *testing.T) {
	t.Parallel()
	c := client{t: t, server: provider.NewServer("test", "")()}
	for name, test := range map[string]struct{ from, to, state, want string }{
		"another kind":     {"registry.terraform.io/gavinbunney/kubectl kubectl_manifest", "lamia_gateway", `{"yaml_body":"kind: Service\napiVersion: v1\nmetadata: {name: a}"}`, "It is a Service, which needs a lamia_service."},
		"a stranger":       {"registry.terraform.io/alekc/kubectl kubectl_manifest", "lamia_gateway", `{"yaml_body":"kind: Pod\napiVersion: v1"}`, `this provider has no resource for Pod of "v1"`},
		"several":          {"registry.opentofu.org/alekc/kubectl kubectl_manifest", "lamia_service", `{"yaml_body":"kind: Service\napiVersion: v1\nmetadata: {name: a}\n---\nkind: Service\napiVersion: v1\nmetadata: {name: b}"}`, "It has 2 objects (Service a, Service b), but a resource manages only one."},
		"an unknown field": {"registry.terraform.io/hashicorp/kubernetes kubernetes_manifest", "lamia_service", `{"manifest":{"value":{"kind":"Service","apiVersion":"v1","metadata":{"name":"a"},"spec":{"foo":1,"type":null}}}}`, `spec has no field "foo"`},
		"nonsense":         {"registry.terraform.io/hashicorp/kubernetes kubernetes_manifest", "lamia_service", `[]`, "Its state cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp := move(t, c, test.from, test.to, []byte(test.state))
			if len(resp.Diagnostics) != 1 || resp.TargetState != nil || !strings.Contains(resp.Diagnostics[0].Detail, test.want) {
				t.Errorf("says %v, want %s", resp.Diagnostics, test.want)
			}
		})
	}
	resp := move(t, c, "registry.terraform.io/hashicorp/aws aws_instance", "lamia_service", []byte(`{}`))
	if len(resp.Diagnostics) != 1 {
		t.Errorf("of another type of resource: %v", resp.Diagnostics)
	}
}
