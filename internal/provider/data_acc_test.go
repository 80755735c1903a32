package provider_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

// The data sources for single objects read any object, whoever created it, with Kubernetes' defaults. It is an error if the object does not
// exist.
func TestAccData(t *testing.T) {
	t.Parallel()
	namespace := acctest.Namespace(t)
	service := acctest.NewObject(t, istio.Service(), namespace, "a")
	service.Create(`{"ports":[{"port":80}],"selector":{"app":"a"}}`, map[string]string{"team": "a"})
	acctest.NewObject(t, istio.Gateway(), namespace, "a").Create(
		`{"selector":{"istio":"ingressgateway"},"servers":[{"port":{"number":80,"name":"http","protocol":"HTTP"},"hosts":["a.example.com"]}]}`, nil)
	configuration := func(name string) string {
		return acctest.Folder(t, "", map[string]string{"main.tf": fmt.Sprintf(`
provider "lamia" {
  namespace = %[1]q
}
data "lamia_service" "test" {
  name = %[2]q
}
data "lamia_gateway" "test" {
  name = %[2]q
}
`, namespace, name)})
	}
	tf := acctest.NewTerraform(t, configuration("a"), "", nil)
	tf.Must("apply", "-auto-approve")
	got := tf.Values("data.lamia_service.test")
	ports, _ := got["ports"].([]any)
	if len(ports) != 1 || ports[0].(map[string]any)["target_port"] != "80" || got["type"] != "ClusterIP" || got["host"] != "a."+namespace+".svc.cluster.local" ||
		got["uid"] != string(service.Live().GetUID()) || got["labels"].(map[string]any)["team"] != "a" || got["session_affinity"] != "None" {
		t.Errorf("the Service is %v", got)
	}
	if got := tf.Values("data.lamia_gateway.test"); got["address"] != nil || got["selector"].(map[string]any)["istio"] != "ingressgateway" || got["id"] != namespace+"/a" {
		t.Errorf("the Gateway is %v", got)
	}
	tf.Configure(configuration("none"))
	if errors := tf.Run("plan").Errors(); len(errors) != 2 || !strings.Contains(errors.String(), "does not exist") {
		t.Errorf("the errors are\n%s", errors)
	}
}
