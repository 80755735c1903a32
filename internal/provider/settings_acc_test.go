package provider_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

// All objects and companions have the provider's default labels and annotations, until the provider block no longer has them.
func TestAccProvider_defaults(t *testing.T) {
	t.Parallel()
	namespace := acctest.Namespace(t)
	service, gateway := acctest.NewObject(t, istio.Service(), namespace, "test"), acctest.NewObject(t, istio.Gateway(), namespace, "test")
	configuration := func(block string) string {
		return acctest.Folder(t, "", map[string]string{"main.tf": fmt.Sprintf(`
provider "lamia" {
  namespace      = %q
  cluster_domain = "example.internal"
%s
}
resource "lamia_service" "test" {
  name        = "test"
  labels      = { team = "a", "ignored/key" = "ours" }
  annotations = { "ignored/key" = "ours" }
  ports       = [{ port = 80 }]
}
resource "lamia_gateway" "test" {
  name     = "test"
  servers  = [{ port = { number = 80, name = "http", protocol = "HTTP" }, hosts = ["*"] }]
  workload = { replicas = 0, service = { type = "ClusterIP" } }
  wait     = false
}
`, namespace, block)})
	}
	defaults := `  default_labels      = { workspace = "one", team = "none" }
  default_annotations = { "example.com/source" = "git" }
  ignore_labels       = ["^ignored/"]
  ignore_annotations  = ["^ignored/"]
`
	tf := acctest.NewTerraform(t, configuration(defaults), "", nil)
	tf.Must("apply", "-auto-approve")
	tf.Empty()
	if got, want := tf.Values("lamia_service.test")["host"], "test."+namespace+".svc.example.internal"; got != want {
		t.Errorf("the host is %v, want %s", got, want)
	}
	companion := acctest.NewObject(t, &kind{Kind: "Deployment", Resource: gateway.Kind.Companions.Resources["Deployment"]}, namespace, "test-gateway")
	for _, o := range []*acctest.Object{service, gateway, companion} {
		live := o.Live()
		if live.GetLabels()["workspace"] != "one" || live.GetAnnotations()["example.com/source"] != "git" {
			t.Errorf("%s has %v, %v", o, live.GetLabels(), live.GetAnnotations())
		}
	}
	if team := service.Live().GetLabels()["team"]; team != "a" {
		t.Errorf("the default takes the place of the resource's own: %s", team)
	}
	service.Patch(`{"metadata":{"labels":{"ignored/key":"theirs"},"annotations":{"ignored/key":"theirs"}}}`)
	tf.Empty()
	service.Patch(`{"metadata":{"labels":{"workspace":"theirs"}}}`)
	tf.Must("apply", "-auto-approve")
	if live := service.Live(); live.GetLabels()["workspace"] != "one" || live.GetLabels()["ignored/key"] != "theirs" || live.GetAnnotations()["ignored/key"] != "theirs" {
		t.Errorf("after an apply it has %v, %v", live.GetLabels(), live.GetAnnotations())
	}
	tf.Configure(configuration(""))
	tf.Must("apply", "-auto-approve")
	tf.Empty()
	for _, o := range []*acctest.Object{service, gateway, companion} {
		if live := o.Live(); live.GetLabels()["workspace"] != "" || live.GetAnnotations()["example.com/source"] != "" {
			t.Errorf("%s still has %v, %v", o, live.GetLabels(), live.GetAnnotations())
		}
	}
	tf.Must("destroy", "-auto-approve")
}

// A violation of Istio's rules can be an error without a cluster, a warning, or left to the cluster.
func TestAccProvider_offlineChecks(t *testing.T) {
	t.Parallel()
	for checks, want := range map[string]struct{ errors, warnings int }{"error": {1, 0}, "warning": {0, 1}, "off": {0, 0}} {
		t.Run(checks, func(t *testing.T) {
			t.Parallel()
			config, err := json.Marshal(map[string]any{
				"provider": map[string]any{"lamia": map[string]any{"offline_checks": checks, "dry_run": "never"}},
				"resource": map[string]any{"lamia_virtual_service": map[string]any{"test": map[string]any{
					"namespace": "none", "name": "test", "hosts": []string{"a.example.com"}, "http": []any{map[string]any{"name": "no-route"}},
				}}},
			})
			if err != nil {
				t.Fatal(err)
			}
			tf := acctest.NewTerraform(t, acctest.Folder(t, "", map[string]string{"main.tf.json": string(config)}), "", nil)
			if errors := tf.Run("validate").Errors(); len(errors) != want.errors {
				t.Errorf("validate: %s", errors)
			}
			errors, warnings := 0, 0
			for _, d := range tf.Run("plan") {
				switch {
				case !strings.Contains(d.Summary, "Invalid Istio configuration"):
				case d.Severity == "error":
					errors++
				default:
					warnings++
				}
			}
			if errors != want.errors || warnings != want.warnings {
				t.Errorf("the plan has %d errors and %d warnings", errors, warnings)
			}
		})
	}
}
