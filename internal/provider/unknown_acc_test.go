package provider_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

// If the cluster is created in the same apply, new objects are planned without it and created once it exists. If its address becomes unknown
// again, the provider does not look for existing objects elsewhere, such as in the environment's cluster.
func TestAccProvider_unknownConfiguration(t *testing.T) {
	t.Parallel()
	o := acctest.NewObject(t, istio.ServiceEntry(), acctest.Namespace(t), "test")
	kubeconfig := os.Getenv("LAMIA_TEST_KUBECONFIG")
	tf := acctest.NewTerraform(t, acctest.Folder(t, "", map[string]string{"main.tf": fmt.Sprintf(`
variable "cluster" { default = 1 }
resource "terraform_data" "cluster" {
  input            = %q
  triggers_replace = var.cluster
}
provider "lamia" {
  config_path = terraform_data.cluster.output
  dry_run     = "required"
}
resource "lamia_service_entry" "test" {
  namespace = %q
  name      = "test"
  hosts     = ["a.example.com"]
  ports     = [{ number = 80, name = "http", protocol = "HTTP" }]
}
`, kubeconfig, o.Namespace)}), "", nil) // KUBE_CONFIG_PATH has the same path
	tf.Must("plan")
	if err := o.Expect(false); err != nil {
		t.Error(err)
	}
	tf.Must("apply", "-auto-approve")
	tf.Empty()
	before := o.Live()
	for _, args := range [][]string{{"plan", "-var=cluster=2"}, {"apply", "-auto-approve", "-var=cluster=2"}} {
		errors := tf.Run(args...).Errors()
		if len(errors) != 1 || !strings.Contains(errors[0].String(), "The cluster is not known yet") || !strings.Contains(errors[0].Detail, "config_path") {
			t.Errorf("%s says\n%s", args, errors)
		}
	}
	if err := o.Untouched(before); err != nil {
		t.Error(err)
	}
	tf.Must("destroy", "-auto-approve")
}
