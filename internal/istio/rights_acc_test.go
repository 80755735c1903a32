package istio_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

const rights = "../../examples/rights"

// The documented Role, in one namespace, is enough for the whole life of a gateway, including failures, and for the other kinds.
func TestAccRights_role(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	g := newGateway(t, "gw")
	kubeconfig := acctest.Account(t, g.Namespace, filepath.Join(rights, "role.yaml"))
	others := acctest.Folder(t, "", map[string]string{"others.tf": fmt.Sprintf(`
resource "lamia_service" "test" {
  namespace = %[1]q
  name      = "svc"
  ports     = [{ port = 80 }]
}
resource "lamia_destination_rule" "test" {
  namespace = %[1]q
  name      = "dr"
  host      = lamia_service.test.host
}
resource "lamia_service_entry" "test" {
  namespace = %[1]q
  name      = "se"
  hosts     = ["example.com"]
  ports     = [{ number = 80, name = "http", protocol = "HTTP" }]
}
resource "lamia_virtual_service" "test" {
  namespace = %[1]q
  name      = "vs"
  hosts     = ["example.com"]
  http      = [{ route = [{ destination = { host = lamia_service.test.host } }] }]
}
resource "lamia_sidecar" "test" {
  namespace = %[1]q
  name      = "test"
  egress    = [{ hosts = ["./*"] }]
}
resource "lamia_authorization_policy" "test" {
  namespace = %[1]q
  name      = "test"
}
resource "lamia_telemetry" "test" {
  namespace = %[1]q
  name      = "test"
}
resource "lamia_traffic_extension" "test" {
  namespace = %[1]q
  name      = "test"
  wasm      = { url = "oci://example.com/a" }
}
`, g.Namespace)})
	tf := acctest.NewTerraform(t, others, kubeconfig, nil)
	tf.Must("apply", "-auto-approve")
	tf.Must("destroy", "-auto-approve")

	tf = acctest.NewTerraform(t, g.folder(nil), kubeconfig, nil)
	apply := func(attributes object) {
		t.Helper()
		tf.Configure(g.folder(attributes))
		tf.Must("plan")
		tf.Must("apply", "-auto-approve")
	}
	apply(nil)
	for _, err := range []error{g.owns(), g.available()} {
		if err != nil {
			t.Error(err)
		}
	}
	g.companion("Service").Delete()
	apply(object{"servers": servers(80, 443), "workload": object{"replicas": 2}})
	apply(object{"selector": object{"istio": "ingressgateway"}})
	apply(nil)

	tf = acctest.NewTerraform(t, acctest.Folder(t, g.folder(nil), map[string]string{
		"import.tf": fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", gatewayAddress, g.Namespace+"/gw"),
	}), kubeconfig, nil)
	tf.Must("apply", "-auto-approve")

	tf.Configure(g.folder(object{"workload": object{"node_selector": object{"pool": "none"}}, "timeouts": object{"update": "5s"}}))
	fails(t, tf.Run("apply", "-auto-approve"), "Pod gw-gateway-\\S+: Unschedulable")
	tf.Must("destroy", "-auto-approve")
	g.gone()
}

// A gateway with a selector needs only permissions for Gateways.
func TestAccRights_selector(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "gw")
	role := acctest.Folder(t, "", map[string]string{
		"gateways.yaml": `rules: [{apiGroups: [networking.istio.io], resources: [gateways], verbs: [get, create, patch, delete]}]`,
	})
	kubeconfig := acctest.Account(t, g.Namespace, filepath.Join(role, "gateways.yaml"))
	tf := acctest.NewTerraform(t, g.folder(object{"selector": object{"istio": "ingressgateway"}}), kubeconfig, nil)
	tf.Must("apply", "-auto-approve")
	tf.Configure(g.folder(object{"selector": object{"istio": "egressgateway"}, "servers": servers(80, 443)}))
	tf.Must("apply", "-auto-approve")
	tf.Must("plan")
	tf.Must("destroy", "-auto-approve")
	if g.Exists() {
		t.Errorf("%s is left", g)
	}
}

// Read permissions are enough to plan. An apply fails with an error that names the missing permission.
func TestAccRights_plan(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "gw")
	kubeconfig := acctest.Account(t, g.Namespace, filepath.Join(rights, "plan.yaml"))
	tf := g.terraform(idle)
	tf.Must("apply", "-auto-approve")
	before := g.Live()
	as := func(attributes object) {
		tf.Configure(acctest.Folder(t, g.folder(attributes), map[string]string{
			"provider.tf": fmt.Sprintf("provider \"lamia\" {\n  config_path = %q\n}\n", kubeconfig),
		}))
	}
	as(idle)
	tf.Must("plan")
	as(object{"servers": servers(80, 443), "workload": idle["workload"]})
	tf.Must("plan")
	fails(t, tf.Run("apply", "-auto-approve"), `Gateway "`+g.Namespace+`/gw" not updated: forbidden`, `verbs: \["patch"\]`)
	if err := g.Untouched(before); err != nil {
		t.Error(err)
	}
}

// The documented Roles have exactly the resources that the provider manages, and no verb twice.
func TestRights_coverKinds(t *testing.T) {
	t.Parallel()
	want := make(map[string]bool)
	for _, k := range istio.Kinds() {
		want[k.Resource.GroupResource().String()] = true
		if k.Companions != nil {
			for _, r := range k.Companions.Resources {
				want[r.GroupResource().String()] = true
			}
		}
	}
	for file, verbs := range map[string][]string{"role.yaml": {"get", "create", "patch", "delete"}, "plan.yaml": {"get"}} {
		data, err := os.ReadFile(filepath.Join(rights, file))
		if err != nil {
			t.Fatal(err)
		}
		var role rbacv1.Role
		if err := yaml.UnmarshalStrict(data, &role); err != nil {
			t.Fatal(err)
		}
		got := make(map[string]bool)
		for _, rule := range role.Rules {
			if !slices.Equal(rule.Verbs, verbs) {
				continue
			}
			for _, r := range rule.Resources {
				name := r
				if group := rule.APIGroups[0]; group != "" {
					name += "." + group
				}
				got[name] = true
			}
		}
		delete(got, "namespaces") // for a data source
		if !maps.Equal(got, want) {
			t.Errorf("%s grants %v of %v, want %v", file, verbs, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
	}
}
