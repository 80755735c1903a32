package engine_test

import (
	"path/filepath"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/config"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// specimen is a kind with objects to test the engine. The folder testdata/<type> has two configurations of lamia_<type>.test: minimal, and
// changed, which sets more attributes. Each has the spec that the API server stores.
type specimen struct {
	kind *engine.Kind
	// overwrite is a patch of a field that the minimal configuration sets, and intrude of a field that it does not set.
	overwrite, intrude string
}

func specimens(t *testing.T) []specimen {
	t.Helper()
	return []specimen{
		{istio.Gateway(), `{"selector":{"istio":"someone"}}`, `{"selector":{"app":"someone"}}`},
		{istio.VirtualService(), `{"hosts":["b.example.com"]}`, `{"exportTo":["*"]}`},
		{istio.DestinationRule(), `{"host":"b"}`, `{"workloadSelector":{"matchLabels":{"app":"b"}}}`},
		{istio.ServiceEntry(), `{"hosts":["b.example.com"]}`, `{"location":"MESH_INTERNAL"}`},
		{istio.Service(), `{"selector":{"app":"b"}}`, `{"selector":{"version":"b"}}`},
		// Kinds with a field called labels, a field of any type, and a field that has another name in Terraform.
		{acctest.Kind(t, "WorkloadEntry"), `{"labels":{"app":"b"}}`, `{"labels":{"version":"b"}}`},
		{acctest.Kind(t, "EnvoyFilter"), `{"configPatches":[{"applyTo":"CLUSTER","patch":{"operation":"MERGE","value":{"name":"b"}}}]}`, `{"priority":7}`},
		{acctest.Kind(t, "AuthorizationPolicy"), `{"provider":{"name":"b"}}`, `{"selector":{"matchLabels":{"app":"b"}}}`},
	}
}

// eachKind runs a test for each kind of object, in its own namespace.
func eachKind(t *testing.T, test func(t *testing.T, s specimen, o *acctest.Object)) {
	t.Helper()
	for _, s := range specimens(t) {
		t.Run(s.kind.Type, func(t *testing.T) {
			t.Parallel()
			test(t, s, acctest.NewObject(t, s.kind, acctest.Namespace(t), "test"))
		})
	}
}

// address returns the address of the resource in the configurations.
func (s specimen) address() string { return "lamia_" + s.kind.Type + ".test" }

// dir returns the folder of a configuration.
func (s specimen) dir(configuration string) string {
	return filepath.Join("testdata", s.kind.Type, configuration)
}

func (s specimen) config(configuration string) func(config.TestStepConfigRequest) string {
	return config.StaticDirectory(s.dir(configuration))
}

// spec returns the path of the spec that the API server stores for a configuration.
func (s specimen) spec(configuration string) string {
	return filepath.Join(s.dir(configuration), "spec.yaml")
}

func in(namespace string) config.Variables {
	return config.Variables{"namespace": config.StringVariable(namespace)}
}
