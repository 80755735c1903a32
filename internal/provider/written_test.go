package provider_test

import (
	"context"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/provider"
	"github.com/magneticio/terraform-provider-lamia/internal/source"
)

// Configurations of examples and tests have no misspelled names, so there must be no error.
func TestLostNames_ofOurs(t *testing.T) {
	t.Parallel()
	schemas, err := provider.NewServer("test", "")().GetProviderSchema(context.Background(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, root := range []string{examples, ".."} {
		err := filepath.WalkDir(root, func(folder string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			c := source.Read(folder)
			check := func(name string, schema *tfprotov6.Schema) {
				for _, b := range c.Blocks(name) {
					seen++
					for _, l := range b.LostNames(schema.ValueType().(tftypes.Object)) {
						t.Errorf("%s in %s: %s is taken for lost", source.Position(l.At), l.In, l.Name)
					}
				}
			}
			for name, schema := range schemas.ResourceSchemas {
				check(name, schema)
			}
			for name, schema := range schemas.DataSourceSchemas {
				check("data."+name, schema)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 50 {
		t.Errorf("looked at %d blocks only", seen)
	}
}

const lostNames = `
resource "lamia_virtual_service" "a" {
  name  = "a"
  hosts = ["a.example.com"]

  http = [
    for host in ["a", "b"] : {
      matchs = [{ uri = { prefix = "/" } }]
      route  = [{ destination = { host = host } }]
      retry  = { attempts = 3 }
    }
  ]
}
resource "lamia_virtual_service" "b" {
  name  = "b"
  hosts = ["b.example.com"]
  http = [{
    route   = [{ destination = { host = "b" } }]
    retries = { attempts = -1, perTryTimeout = "1s" }
  }]
}
# Two that look the same before variables are known.
resource "lamia_destination_rule" "c" {
  for_each       = { c = "c" }
  name           = each.key
  host           = each.value
  traffic_policy = { loadBalancer = { simple = "RANDOM" } }
}
resource "lamia_destination_rule" "d" {
  for_each       = { d = "d" }
  name           = each.key
  host           = each.value
  traffic_policy = { loadbalancer = { simple = "RANDOM" } }
}
`

// Each name that Terraform silently drops is one error with its place. Other errors have their places, too.
func TestAccLostNames(t *testing.T) {
	t.Parallel()
	for _, command := range [][]string{{"validate"}, {"plan"}} {
		tf := acctest.NewTerraform(t, acctest.Folder(t, "", map[string]string{"main.tf": lostNames}), "", nil)
		errors := tf.Run(command...).Errors()
		for _, want := range []string{
			`main.tf:8:7: http[*] in lamia_virtual_service.a does not support an argument named "matchs", and Terraform drops it silently. Did you mean match?`,
			`main.tf:10:7: http[*] in lamia_virtual_service.a does not support an argument named "retry", and Terraform drops it silently. Did you mean retries?`,
			`main.tf:19:32: http[0].retries in lamia_virtual_service.b does not support an argument named "perTryTimeout", and Terraform drops it silently. Did you mean per_try_timeout?`,
			`It is written at main.tf:19:28.`,
			`main.tf:27:22: traffic_policy in lamia_destination_rule.c does not support an argument named "loadBalancer", and Terraform drops it silently. Did you mean load_balancer?`,
			`main.tf:33:22: traffic_policy in lamia_destination_rule.d does not support an argument named "loadbalancer", and Terraform drops it silently. Did you mean load_balancer?`,
		} {
			n := 0
			for _, e := range errors {
				if strings.Contains(e.Detail, want) {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%s: %d errors say %q:\n%s", command, n, want, errors)
			}
		}
		for _, e := range errors {
			if strings.Contains(e.Detail, `lamia_virtual_service.a `) && (e.Address != "lamia_virtual_service.a" || !strings.HasPrefix(e.Line(), "http = [")) {
				t.Errorf("%s: points elsewhere: %s", command, e)
			}
		}
	}
}

// check_names = false turns the errors off.
func TestAccLostNames_off(t *testing.T) {
	t.Parallel()
	tf := acctest.NewTerraform(t, acctest.Folder(t, "", map[string]string{"main.tf": `
provider "lamia" {
  check_names = false
}
resource "lamia_virtual_service" "a" {
  name  = "a"
  hosts = ["a.example.com"]
  http  = [{ matchs = [], route = [{ destination = { host = "a" } }] }]
}`}), "", nil)
	tf.Must("validate")
}

// Names in modules are checked, too.
func TestAccLostNames_module(t *testing.T) {
	t.Parallel()
	tf := acctest.NewTerraform(t, acctest.Folder(t, "", map[string]string{
		"main.tf": `
module "a" {
  source = "./a"
  name   = "x"
}
module "b" {
  source = "./a"
  name   = "y"
}`,
		"a/main.tf": `
variable "name" {}
resource "lamia_virtual_service" "a" {
  name  = var.name
  hosts = [var.name]
  http  = [{ routes = [] }]
}`,
	}), "", nil)
	tf.Get()
	errors := tf.Run("validate").Errors()
	if len(errors) == 0 || !strings.HasPrefix(errors[len(errors)-1].Detail, "a/main.tf:6:14: http[0] in lamia_virtual_service.a does not support an argument named \"routes\"") {
		t.Errorf("says\n%s", errors)
	}
}
