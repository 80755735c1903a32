package cluster

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"istio.io/istio/operator/pkg/helm"
	"istio.io/istio/operator/pkg/values"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// gatewayValues configure the chart like a gateway of the provider: its one port, and more than one proxy, without which the chart renders no
// disruption budget.
const gatewayValues = `
spec:
  values:
    service:
      ports:
      - {name: status-port, port: 15021, protocol: TCP, targetPort: 15021}
      - {name: http, port: 80, protocol: TCP, targetPort: 80}
    autoscaling: {minReplicas: 2}
    podDisruptionBudget: {maxUnavailable: 1}
`

// The golden file is Istio's gateway chart as rendered. Package istio compares it with the objects that the provider creates.
func TestGatewayChart_golden(t *testing.T) {
	t.Parallel()
	var given values.Map
	if err := yaml.Unmarshal([]byte(gatewayValues), &given); err != nil {
		t.Fatal(err)
	}
	manifests, failures, err := helm.Render("gw-1-gateway", "vamp-test1", "gateway", given, nil)
	if err != nil || failures != nil {
		t.Fatal(err, failures)
	}
	var documents []string
	for _, m := range manifests {
		data, err := yaml.Marshal(m.Object)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, string(data))
	}
	slices.Sort(documents)
	got := strings.Join(documents, "---\n")
	file := filepath.Join("..", "..", "istio", "testdata", "chart", "gateway.yaml")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what the chart renders; rewrite it with -update, and adapt package istio:\n%s", file, got)
	}
}
