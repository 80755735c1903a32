// Package acctest is the shared code of acceptance tests: Terraform with the provider under test, and the cluster under test.
//
// LAMIA_TEST_KUBECONFIG names the cluster. It only needs istiod in istio-system, and addresses for load balancers. Each test has its own
// namespace.
package acctest

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"k8s.io/klog/v2"

	"github.com/magneticio/terraform-provider-lamia/internal/kube"
	"github.com/magneticio/terraform-provider-lamia/internal/provider"
)

// kubeconfigEnv names the kubeconfig of the cluster that tests may write to.
const kubeconfigEnv = "LAMIA_TEST_KUBECONFIG"

// PatienceEnv sets how long the provider that Terraform starts waits for the answer to a request. In tests it is shorter than for users.
const PatienceEnv = "LAMIA_TEST_PATIENCE"

// Main runs a package's tests. An empty provider block connects to the cluster under test. If Terraform starts the test binary, it serves the
// provider: see [NewTerraform].
func Main(m *testing.M) {
	klog.SetSlogLogger(slog.New(slog.DiscardHandler)) // as main does
	if os.Getenv("TF_PLUGIN_MAGIC_COOKIE") != "" {
		if patience, err := time.ParseDuration(os.Getenv(PatienceEnv)); err == nil {
			kube.Patience.Read, kube.Patience.Write, kube.Patience.DryRun = patience, patience, patience
		}
		if err := tf6server.Serve("registry.terraform.io/magneticio/lamia", provider.NewServer("test", ".")); err != nil {
			panic(err)
		}
		return
	}
	if kubeconfig := os.Getenv(kubeconfigEnv); kubeconfig != "" {
		for _, variable := range os.Environ() { // other variables in the shell that select a cluster
			if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "KUBE_") {
				os.Unsetenv(name)
			}
		}
		os.Setenv("KUBE_CONFIG_PATH", kubeconfig)
	}
	os.Exit(m.Run())
}

var server = provider.NewServer("test", "")

var providers = map[string]func() (tfprotov6.ProviderServer, error){
	"lamia": func() (tfprotov6.ProviderServer, error) { return server(), nil },
}

// Test runs the steps with the provider in this process, and checks that Terraform leaves nothing in the namespace.
func Test(t *testing.T, namespace string, steps ...resource.TestStep) {
	t.Helper()
	for i := range steps { // not in the test case, because a step with a provider block in its configuration must have its own
		steps[i].ProtoV6ProviderFactories = providers
	}
	resource.Test(t, resource.TestCase{CheckDestroy: empty(t, namespace), Steps: steps})
}
