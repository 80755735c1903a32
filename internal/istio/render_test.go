package istio

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func server(number int, name string) map[string]any {
	return map[string]any{"port": map[string]any{"number": number, "name": name, "protocol": "HTTP"}, "hosts": []any{"*"}}
}

// testdata/render shows how the companions of gateways look.
func TestRender_golden(t *testing.T) {
	t.Parallel()
	http := map[string]any{"servers": []any{server(80, "http")}}
	for golden, c := range map[string]struct {
		name, tuning string
		spec         map[string]any
	}{
		"default": {"gw-1", "", http},
		"tuned":   {"gw-1", tuned, http},
		"fixed":   {"gw-1", "replicas: 3", http},
		"more":    {"gw-1", more, map[string]any{"servers": []any{map[string]any{"port": map[string]any{"number": 443, "name": "https", "protocol": "HTTPS"}}}}},
		"servers": {"gw-1", "service: {nodePorts: {https-admin: 30443}}", map[string]any{"servers": []any{
			server(80, "http"), server(443, "https"), server(443, "https-again"), server(8080, "http"),
			server(9443, "https-admin"), server(15021, "status"), server(31400, "TCP_any.thing"), server(31401, strings.Repeat("x", 80)), server(31402, "***"),
		}}},
		"long": {strings.Repeat("long-name-", 6) + "xyz", "", http},
	} {
		t.Run(golden, func(t *testing.T) {
			t.Parallel()
			var tuning map[string]any
			if err := yaml.Unmarshal([]byte(c.tuning), &tuning); err != nil {
				t.Fatal(err)
			}
			rendered, err := render("vamp-test1", c.name, c.spec, tuning)
			if err != nil {
				t.Fatal(err)
			}
			var documents []string
			for _, o := range rendered {
				data, err := yaml.Marshal(o.Object)
				if err != nil {
					t.Fatal(err)
				}
				documents = append(documents, string(data))
			}
			got := strings.Join(documents, "---\n")
			file := filepath.Join("testdata", "render", golden+".yaml")
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
				t.Errorf("%s differs (rewrite it with -update, and read the difference):\n%s", file, got)
			}
		})
	}
}

const tuned = `
autoscaling: {minReplicas: 2, maxReplicas: 10, targetCPUUtilizationPercentage: 60}
podDisruptionBudget: {minAvailable: 50%}
service:
  type: LoadBalancer
  labels: {team: one, app: not-this}
  annotations: {cloud.example.com/internal: "true"}
  loadBalancerClass: example.com/lb
  loadBalancerSourceRanges: [10.0.0.0/8]
  externalTrafficPolicy: Local
  ipFamilies: [IPv4, IPv6]
  ipFamilyPolicy: PreferDualStack
  nodePorts: {http: 30080}
revision: canary
podLabels: {team: one, sidecar.istio.io/inject: "false"}
podAnnotations: {proxy.istio.io/config: "concurrency: 4"}
nodeSelector: {pool: edge}
tolerations: [{key: edge, operator: Exists, effect: NoSchedule}]
affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, podAffinityTerm: {topologyKey: kubernetes.io/hostname}}]}}
topologySpreadConstraints: [{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: ScheduleAnyway}]
priorityClassName: system-cluster-critical
resources: {requests: {cpu: 500m}, limits: {memory: 2Gi}}
terminationGracePeriodSeconds: 120
`

const more = `
autoscaling: {targetMemoryUtilizationPercentage: 70, behavior: {scaleDown: {stabilizationWindowSeconds: 600}}}
podDisruptionBudget: {unhealthyPodEvictionPolicy: AlwaysAllow}
service:
  loadBalancerIP: 192.0.2.1
  externalIPs: [192.0.2.2]
  internalTrafficPolicy: Local
  trafficDistribution: PreferSameZone
  healthCheckNodePort: 30000
  allocateLoadBalancerNodePorts: false
  http3: true
serviceAccount: {name: edge}
secretAccess: false
labels: {team: one, istio.io/dataplane-mode: ambient}
annotations: {example.com/owner: one}
imagePullSecrets: [registry]
securityContext: {runAsUser: 1337}
containerSecurityContext: {runAsNonRoot: true}
env: {B: b, A: a}
envVarFrom: [{name: C, valueFrom: {secretKeyRef: {name: s, key: k}}}]
volumes: [{name: extra, configMap: {name: extra}}]
volumeMounts: [{name: extra, mountPath: /etc/extra, readOnly: true}]
initContainers: [{name: init, image: init:1}]
additionalContainers: [{name: beside, image: beside:1}]
readinessProbe: {httpGet: {path: /healthz/ready, port: 15021}, failureThreshold: 4}
lifecycle: {preStop: {exec: {command: [sleep, "10"]}}}
strategy: {rollingUpdate: {maxSurge: 100%, maxUnavailable: 0}}
minReadySeconds: 5
dnsPolicy: None
dnsConfig: {nameservers: [192.0.2.53]}
`

// An unknown field of a container is an error, so that no value is lost.
func TestRender_refusesUnknownFields(t *testing.T) {
	t.Parallel()
	_, err := render("vamp-test1", "gw-1", map[string]any{"servers": []any{server(80, "http")}}, map[string]any{"initContainers": []any{map[string]any{"naem": "a"}}})
	if err == nil || !strings.Contains(err.Error(), `unknown field "naem"`) {
		t.Errorf("error %v", err)
	}
}

// Gateways with different names or namespaces never have the same selector, and their companions never have the same name.
func TestGatewayID_isUnique(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 62)
	seen := map[string]string{}
	for _, namespace := range []string{"a", "a-b", "b", long + "a", long + "b"} {
		names := map[string]string{}
		for _, name := range []string{"gw", "gw-gateway", "b-gw", "b", long + "a", long + "b", "0"} {
			gateway := fmt.Sprintf("%s/%s", namespace, name)
			id := gatewayID(namespace, name)
			if wrong := validation.IsValidLabelValue(id); wrong != nil {
				t.Errorf("%s: selector %q: %v", gateway, id, wrong)
			}
			if other, taken := seen[id]; taken {
				t.Errorf("%s and %s share the selector %q", gateway, other, id)
			}
			seen[id] = gateway
			workload := workloadName(name)
			if wrong := validation.IsDNS1035Label(workload); wrong != nil {
				t.Errorf("%s: companions called %q: %v", gateway, workload, wrong)
			}
			if other, taken := names[workload]; taken {
				t.Errorf("%s and %s share the name %q", gateway, other, workload)
			}
			names[workload] = gateway
		}
	}
}

func TestRender_refusesNodePortsOfNoPort(t *testing.T) {
	t.Parallel()
	_, err := render("vamp-test1", "gw-1", map[string]any{"servers": []any{server(80, "http")}},
		map[string]any{"service": map[string]any{"nodePorts": map[string]any{"htp": 30080}}})
	var at *spec.Error
	if want := path.Root("workload").AtName("service").AtName("node_ports").AtMapKey("htp"); !errors.As(err, &at) || !at.Path.Equal(want) {
		t.Errorf("error %v, want one at %s", err, want)
	}
}

func TestServicePorts_haveDistinctNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, p := range servicePorts(map[string]any{"servers": []any{server(81, "A"), server(82, "a-83"), server(83, "a"), server(84, "status-port")}}, workloadService{}) {
		if seen[*p.Name] {
			t.Errorf("two ports are called %q", *p.Name)
		}
		seen[*p.Name] = true
	}
}
