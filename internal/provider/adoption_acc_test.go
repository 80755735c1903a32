package provider_test

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

// The configuration that Terraform generates for an import has all values of the object, including deprecated ones, and applies without changes.
// A Gateway without a selector stays one for all proxies.
func TestAccImport_generated(t *testing.T) {
	t.Parallel()
	namespace := acctest.Namespace(t)
	var objects []*acctest.Object
	var before []*unstructured.Unstructured
	var imports string
	for _, o := range []struct {
		kind *engine.Kind
		spec string
	}{
		{istio.DestinationRule(), `{"host":"a","trafficPolicy":{"outlierDetection":{"consecutiveErrors":5,"interval":"5m"}}}`},
		{istio.VirtualService(), `{"hosts":["a"],"http":[{"mirror":{"host":"b"},"mirrorPercent":5,"fault":{"delay":{"percent":10,"fixedDelay":"5s"}},
			"corsPolicy":{"allowOrigin":["http://a.example.com"]},"route":[{"destination":{"host":"a"}}]}]}`},
		{istio.Gateway(), `{"servers":[{"port":{"number":80,"name":"http","protocol":"HTTP"},"hosts":["a.example.com"]}]}`},
		{acctest.Kind(t, "EnvoyFilter"), `{"configPatches":[{"applyTo":"CLUSTER","patch":{"operation":"MERGE","value":{"name":"a","lb_subset_config":{"fallback_policy":1}}}}]}`},
		{acctest.Kind(t, "WorkloadEntry"), `{"address":"10.0.0.1","labels":{"app":"a"}}`},
	} {
		object := acctest.NewObject(t, o.kind, namespace, "old")
		objects, before = append(objects, object), append(before, object.Create(o.spec, nil))
		imports += fmt.Sprintf("import {\n  to = lamia_%s.old\n  id = \"%s/old\"\n}\n", o.kind.Type, namespace)
	}
	tf := acctest.NewTerraform(t, acctest.Folder(t, "", map[string]string{"main.tf": imports}), "", nil)
	tf.Must("plan", "-generate-config-out=generated.tf")
	tf.Must("apply", "-auto-approve")
	tf.Empty()
	for i, o := range objects {
		if err := o.Untouched(before[i]); err != nil {
			t.Error(err)
		}
	}
	for name, value := range map[string]any{"address": nil, "service_name": nil, "companions": nil} {
		if got := tf.Values("lamia_gateway.old")[name]; got != value {
			t.Errorf("the gateway's %s is %v", name, got)
		}
	}
	tf.Must("destroy", "-auto-approve")
}

// Terraform omits empty strings from the configuration that it generates. The plan does not remove them, but fails and names the attribute to
// set.
func TestAccImport_emptyString(t *testing.T) {
	t.Parallel()
	namespace := acctest.Namespace(t)
	route := acctest.NewObject(t, istio.VirtualService(), namespace, "empty")
	before := route.Create(`{"hosts":["a"],"http":[{"match":[{"uri":{"exact":"/"},"headers":{"x-a":{"exact":""}}}],"route":[{"destination":{"host":"a"}}]}]}`, nil)
	config := func(exact string) string {
		return acctest.Folder(t, "", map[string]string{"main.tf": fmt.Sprintf(`
import {
  to = lamia_virtual_service.empty
  id = "%[1]s/empty"
}
resource "lamia_virtual_service" "empty" {
  namespace = %[1]q
  name      = "empty"
  hosts     = ["a"]
  http      = [{ match = [{ uri = { exact = "/" }, headers = { x-a = { %[2]s } } }], route = [{ destination = { host = "a" } }] }]
}`, namespace, exact)})
	}
	tf := acctest.NewTerraform(t, config(""), "", nil)
	errors := tf.Run("plan").Errors()
	if len(errors) != 1 || !strings.Contains(errors[0].Detail, `http[0].match[0].headers["x-a"].exact`) {
		t.Errorf("says\n%s", errors)
	}
	tf.Configure(config(`exact = ""`))
	tf.Must("apply", "-auto-approve")
	tf.Empty()
	if err := route.Untouched(before); err != nil {
		t.Error(err)
	}
	tf.Configure(config("")) // after the import, omitting it is intended
	tf.Must("apply", "-auto-approve")
	tf.Empty()
	tf.Must("destroy", "-auto-approve")
}

// A Gateway without a selector applies to all proxies. After its import with a configuration without selector and workload, it stays that way,
// even if something else changes. workload gives it proxies of its own.
func TestAccImport_gatewayWithoutSelector(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	namespace := acctest.Namespace(t)
	gateway := acctest.NewObject(t, istio.Gateway(), namespace, "all")
	before := gateway.Create(`{"servers":[{"port":{"number":80,"name":"http","protocol":"HTTP"},"hosts":["a.example.com"]}]}`, nil)
	config := func(host, more string) string {
		return acctest.Folder(t, "", map[string]string{"main.tf": fmt.Sprintf(`
import {
  to = lamia_gateway.all
  id = "%[1]s/all"
}
resource "lamia_gateway" "all" {
  namespace = %[1]q
  name      = "all"
  servers   = [{ port = { number = 80, name = "http", protocol = "HTTP" }, hosts = [%[2]q] }]
  %[3]s
}`, namespace, host, more)})
	}
	tf := acctest.NewTerraform(t, config("a.example.com", ""), "", nil)
	tf.Must("apply", "-auto-approve")
	tf.Empty()
	if err := gateway.Untouched(before); err != nil {
		t.Error(err)
	}
	tf.Configure(config("b.example.com", ""))
	tf.Must("apply", "-auto-approve")
	tf.Empty()
	if err := gateway.Stores(`{"servers":[{"port":{"number":80,"name":"http","protocol":"HTTP"},"hosts":["b.example.com"]}]}`)(); err != nil {
		t.Error(err)
	}
	tf.Configure(config("b.example.com", "workload = {}"))
	tf.Must("apply", "-auto-approve")
	tf.Empty()
	if tf.Values("lamia_gateway.all")["service_name"] == nil {
		t.Error("it has no proxies of its own")
	}
	tf.Must("destroy", "-auto-approve")
}
