package routing_test

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

const routes = `
variable "namespace" { type = string }
variable "path" { type = string }

data "lamia_route" "test" {
  namespaces = [var.namespace]
  request    = { gateway = "${var.namespace}/gw", host = "x.example.com", path = var.path }
}
`

// The data source reads the current state of the cluster, and fails without read permissions.
func TestAccRoute_dataSource(t *testing.T) {
	t.Parallel()
	namespace := acctest.Namespace(t)
	create(t, istio.Service(), namespace, "svc", dict{"ports": []any{dict{"name": "http", "port": 80}}})
	create(t, istio.Gateway(), namespace, "gw", dict{"selector": dict{"istio": namespace}, "servers": []any{
		dict{"port": dict{"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": []any{"x.example.com"}}}})
	create(t, istio.DestinationRule(), namespace, "dr", dict{"host": "svc", "subsets": []any{dict{"name": "v1"}}})
	create(t, istio.VirtualService(), namespace, "vs", dict{"hosts": []any{"x.example.com"}, "gateways": []any{"gw"}, "http": []any{
		rule("svc", dict{"uri": dict{"prefix": "/v1"}}, "v1"), rule("svc", dict{"uri": dict{"prefix": "/v2"}}, "v2")}})
	folder := acctest.Folder(t, "", map[string]string{"main.tf": routes})
	tf := acctest.NewTerraform(t, folder, "", map[string]any{"namespace": namespace})
	says := func(path string, want map[string]any) {
		t.Helper()
		tf.Must("apply", "-auto-approve", "-var=path="+path)
		result, _ := tf.Values("data.lamia_route.test")["result"].(map[string]any)
		for name, value := range want {
			if !reflect.DeepEqual(result[name], value) {
				t.Errorf("%s: %s is %v, want %v: %v", path, name, result[name], value, result)
			}
		}
	}
	to := func(subset string, exists bool) []any {
		return []any{map[string]any{"host": "svc." + namespace + ".svc.cluster.local", "subset": subset, "port": 80., "share": 1., "exists": exists}}
	}
	says("/v1", map[string]any{"outcome": "forwarded", "virtual_service": namespace + "/vs", "rule": 0., "destinations": to("v1", true), "status": nil})
	says("/v2", map[string]any{"outcome": "unavailable", "rule": 1., "destinations": to("v2", false), "status": 503.})
	says("/", map[string]any{"outcome": "not_found", "virtual_service": nil, "rule": nil, "status": 404.})
	acctest.NewObject(t, istio.DestinationRule(), namespace, "dr").Patch(`{"spec":{"subsets":[{"name":"v2"}]}}`)
	says("/v2", map[string]any{"outcome": "forwarded", "destinations": to("v2", true)})

	// The settings of the mesh are in the provider block.
	root := acctest.Namespace(t)
	acctest.NewObject(t, istio.DestinationRule(), namespace, "dr").Delete()
	create(t, istio.DestinationRule(), root, "dr", dict{"host": "svc." + namespace + ".svc.cluster.local", "subsets": []any{dict{"name": "v2"}}})
	says("/v2", map[string]any{"outcome": "unavailable", "destinations": to("v2", false)})
	for block, outcome := range map[string]string{"": "forwarded", `default_export_to = ["."]`: "unavailable"} {
		tf.Configure(acctest.Folder(t, "", map[string]string{"main.tf": routes + fmt.Sprintf("provider \"lamia\" {\n  root_namespace = %q\n  %s\n}\n", root, block)}))
		says("/v2", map[string]any{"outcome": outcome})
	}

	role := filepath.Join(acctest.Folder(t, "", map[string]string{"few.yaml": `rules:
- apiGroups: [networking.istio.io]
  resources: [virtualservices, gateways]
  verbs: [list]
`}), "few.yaml")
	few := acctest.NewTerraform(t, folder, acctest.Account(t, namespace, role), map[string]any{"namespace": namespace})
	if said := few.Run("plan", "-var=path=/").Errors(); len(said) != 1 || !strings.Contains(said[0].String(), "in namespace \""+namespace+"\"") || !strings.Contains(said[0].String(), "namespaces") {
		t.Errorf("without permissions the plan says %s", said)
	}
	if said := tf.Run("plan", "-var=path=x").Errors(); len(said) != 1 || !strings.Contains(said[0].String(), `path: "x" must begin with a slash`) {
		t.Errorf("of a wrong path the plan says %s", said)
	}
}
