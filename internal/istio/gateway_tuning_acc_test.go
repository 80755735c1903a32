package istio_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/yaml"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

// workloadAt says where the API server stores the attributes of workload, by their names in JSON: the companion's kind and the field.
var workloadAt = map[string][2]string{
	"replicas":                                   {"Deployment", "spec.replicas"},
	"autoscaling.minReplicas":                    {"HorizontalPodAutoscaler", "spec.minReplicas"},
	"autoscaling.maxReplicas":                    {"HorizontalPodAutoscaler", "spec.maxReplicas"},
	"autoscaling.targetCPUUtilizationPercentage": {"HorizontalPodAutoscaler", "spec.metrics.0.resource.target.averageUtilization"},
	"podDisruptionBudget":                        {"PodDisruptionBudget", "spec"},
	"service.labels":                             {"Service", "metadata.labels"},
	"service.annotations":                        {"Service", "metadata.annotations"},
	"service.nodePorts.http-80":                  {"Service", "spec.ports.1.nodePort"},
	"service":                                    {"Service", "spec"},
	"revision":                                   {"Deployment", "spec.template.metadata.labels.istio~io/rev"},
	"podLabels":                                  {"Deployment", "spec.template.metadata.labels"},
	"podAnnotations":                             {"Deployment", "spec.template.metadata.annotations"},
	"imagePullPolicy":                            {"Deployment", "spec.template.spec.containers.0.imagePullPolicy"},
	"resources":                                  {"Deployment", "spec.template.spec.containers.0.resources"},
	"autoscaling.targetMemoryUtilizationPercentage": {"HorizontalPodAutoscaler", "spec.metrics.1.resource.target.averageUtilization"},
	"autoscaling.behavior":                          {"HorizontalPodAutoscaler", "spec.behavior"},
	"serviceAccount.annotations":                    {"ServiceAccount", "metadata.annotations"},
	"labels":                                        {"PodDisruptionBudget", "metadata.labels"},
	"annotations":                                   {"Deployment", "metadata.annotations"},
	"containerSecurityContext":                      {"Deployment", "spec.template.spec.containers.0.securityContext"},
	"envVarFrom":                                    {"Deployment", "spec.template.spec.containers.0.env"},
	"volumeMounts":                                  {"Deployment", "spec.template.spec.containers.0.volumeMounts"},
	"readinessProbe":                                {"Deployment", "spec.template.spec.containers.0.readinessProbe"},
	"lifecycle":                                     {"Deployment", "spec.template.spec.containers.0.lifecycle"},
	"strategy":                                      {"Deployment", "spec.strategy"},
	"minReadySeconds":                               {"Deployment", "spec.minReadySeconds"},
	"":                                              {"Deployment", "spec.template.spec"},
}

// rendered are the attributes of workload that are not stored as configured, or exclude others. testdata/render/more.yaml has them instead.
var rendered = []string{
	"workload.service.http3", "workload.service.health_check_node_port", "workload.service_account.name", "workload.secret_access", "workload.env",
	"workload.image_pull_secrets", "workload.init_containers", "workload.additional_containers",
}

// workloadOf reads a file of testdata/gateway.
func (g gateway) workloadOf(name string) object {
	g.t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "gateway", name+".yaml"))
	if err != nil {
		g.t.Fatal(err)
	}
	var workload object
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(string(data), "NAMESPACE", g.Namespace)), &workload); err != nil {
		g.t.Fatal(err)
	}
	return workload
}

// tuned checks that the API server has stored each attribute of the workload in the right field.
func (g gateway) tuned(workload object) acctest.Check {
	return func() error {
		live := g.live()
		return kept("", asStored(istio.Gateway().Companions.Tuning.Message, workload), func(at string) (any, error) {
			// The field is that of the longest listed prefix of the attribute, plus the rest of the attribute.
			for attribute, rest := at, ""; ; {
				if where, ok := workloadAt[attribute]; ok {
					o := live[where[0]]
					if o == nil {
						return nil, fmt.Errorf("there is no %s", where[0])
					}
					return follow(o.Object, where[1]+rest), nil
				}
				cut := strings.LastIndex(attribute, ".")
				attribute, rest = attribute[:max(cut, 0)], "."+attribute[cut+1:]+rest
			}
		})
	}
}

// kept checks that the values found at the attributes contain want: objects may have more members, other values must be equal.
func kept(at string, want any, find func(attribute string) (any, error)) error {
	if members, ok := want.(map[string]any); ok {
		for _, name := range slices.Sorted(maps.Keys(members)) {
			if err := kept(strings.TrimPrefix(at+"."+strings.ReplaceAll(name, ".", "~"), "."), members[name], find); err != nil {
				return err
			}
		}
		return nil
	}
	got, err := find(at)
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	return is(at, plain(got), plain(want))
}

// plain returns a value with all numbers of the same type.
func plain(v any) any {
	var p any
	data, err := yaml.Marshal(v)
	if err == nil {
		err = yaml.Unmarshal(data, &p)
	}
	if err != nil {
		return err
	}
	return p
}

// follow returns the value at a path, in whose keys ~ stands for a dot.
func follow(v any, path string) any {
	for key := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[strings.ReplaceAll(key, "~", ".")]
		case []any:
			i := int(key[0] - '0')
			if i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// The two workloads together set every attribute.
func TestGateway_everyAttributeOfWorkload(t *testing.T) {
	t.Parallel()
	g, m := gateway{t: t, Object: &acctest.Object{Namespace: "a"}}, istio.Gateway().Companions.Tuning.Message
	set := make(map[string]bool)
	for _, name := range []string{"scaled", "fixed"} {
		leavesOf("workload", m, g.workloadOf(name), set)
	}
	for _, leaf := range leaves("workload", m) {
		if !set[leaf] && !slices.Contains(rendered, leaf) {
			t.Errorf("%s is in none of testdata/gateway", leaf)
		}
	}
}

// The API server stores all attributes of workload, and the proxies run.
func TestAccGateway_everyAttributeOfWorkload(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	g := newGateway(t, "gw")
	workload := g.workloadOf("scaled")
	g.balances("127.0.0.7")
	g.test(resource.TestStep{
		ConfigDirectory: g.config(object{"workload": workload}),
		ConfigStateChecks: []statecheck.StateCheck{
			g.tuned(workload), acctest.Check(g.owns), acctest.Check(g.selectsItsPods), state("address", knownvalue.StringExact("127.0.0.7")),
		},
	})
}

// balances acts as a load balancer with a class of its own that assigns this address to the gateway's Service.
func (g gateway) balances(address string) {
	services := resources(g.t, g.companion("Service").Kind.Resource).Namespace(g.Namespace)
	patch := `{"status":{"loadBalancer":{"ingress":[{"ip":"` + address + `"}]}}}`
	ctx, cancel := context.WithCancel(g.t.Context())
	ended := make(chan error)
	go func() {
		ended <- wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
			_, err := services.Patch(ctx, g.Kind.Companions.Name(g.Name), types.MergePatchType, []byte(patch), metav1.PatchOptions{}, "status")
			if apierrors.IsNotFound(err) {
				return false, nil
			}
			return err == nil, err
		})
	}()
	g.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			g.t.Errorf("the load balancer ended: %v", err)
		}
	})
}

// A workload can be tuned while it runs, and reverts to the defaults without tuning. An empty workload is the default.
func TestAccGateway_tune(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	g := newGateway(t, "gw")
	var before map[string]*unstructured.Unstructured
	scaled, fixed := g.workloadOf("scaled"), g.workloadOf("fixed")
	for _, lasting := range []string{"load_balancer_class", "ip_family_policy"} { // a Service's class is immutable, and Kubernetes keeps its IP family policy
		delete(scaled["service"].(object), lasting)
	}
	scaled["service"].(object)["node_ports"] = object{"http-80": 30082} // a node port can be used only once in the cluster
	same := acctest.Check(func() error {
		live := g.live()
		for kind, b := range before {
			if err := is(kind, lasting(live[kind]), lasting(b)); err != nil {
				return err
			}
		}
		return nil
	})
	untouched := acctest.Check(func() error {
		live := g.live()
		for kind, b := range before {
			if err := is("the generation of the "+kind, live[kind].GetGeneration(), b.GetGeneration()); err != nil {
				return err
			}
		}
		return nil
	})
	all := g.companions()
	withoutAutoscaler := slices.DeleteFunc(slices.Clone(all), func(kind string) bool { return kind == "HorizontalPodAutoscaler" })
	address := state("address", found(g.loadBalancer))
	remember := func() { before = g.live() }
	g.test(
		resource.TestStep{ConfigDirectory: g.config(object{"workload": object{}}), ConfigStateChecks: []statecheck.StateCheck{address}},
		resource.TestStep{
			PreConfig:         remember,
			ConfigDirectory:   g.config(nil),
			ConfigStateChecks: []statecheck.StateCheck{same, untouched, address},
		},
		resource.TestStep{
			ConfigDirectory:   g.config(object{"workload": scaled}),
			ConfigPlanChecks:  plans(plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{g.tuned(scaled), address, state("companions", inSync(all...)), acctest.Check(g.selectsItsPods)},
		},
		resource.TestStep{
			ConfigDirectory:   g.config(nil),
			ConfigPlanChecks:  plans(plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{same, address},
		},
		resource.TestStep{
			ConfigDirectory:  g.config(object{"workload": fixed}),
			ConfigPlanChecks: plans(plancheck.ResourceActionUpdate, unknown("address"), planned("companions", inSync(withoutAutoscaler...))),
			ConfigStateChecks: []statecheck.StateCheck{
				g.tuned(fixed), acctest.Check(g.available), state("address", knownvalue.Null()), state("addresses", knownvalue.ListSizeExact(0)),
				state("companions", inSync(withoutAutoscaler...)),
				acctest.Check(func() error {
					return is("the autoscaler exists", g.companion("HorizontalPodAutoscaler").Exists(), false)
				}),
			},
		},
		resource.TestStep{
			ConfigDirectory:   g.config(nil),
			ConfigPlanChecks:  plans(plancheck.ResourceActionUpdate, unknown("address")),
			ConfigStateChecks: []statecheck.StateCheck{same, address, state("companions", inSync(all...)), acctest.Check(g.available)},
		},
	)
}

// HTTP/3 adds a UDP port with the number of the TCP port, and containers run next to the proxy. Both are added and removed without recreating
// anything.
func TestAccGateway_http3(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "gw")
	tuned := func(workload object) config.TestStepConfigFunc {
		workload["replicas"] = 0
		return g.config(object{"workload": workload, "servers": []object{{
			"hosts": []string{"*"}, "port": object{"number": 443, "name": "https", "protocol": "HTTPS"}, "tls": object{"mode": "SIMPLE", "credential_name": "www"},
		}}})
	}
	var before map[string]*unstructured.Unstructured
	has := func(ports, containers string) statecheck.StateCheck {
		return acctest.Check(func() error {
			var gotPorts, gotContainers []string
			for _, p := range g.service().Spec.Ports {
				gotPorts = append(gotPorts, fmt.Sprintf("%s %s %d>%s", p.Name, p.Protocol, p.Port, p.TargetPort.String()))
			}
			for _, c := range g.deployment().Spec.Template.Spec.Containers {
				gotContainers = append(gotContainers, c.Name+" "+c.Image)
			}
			live := g.live()
			for kind, b := range before {
				if err := is("the UID of the "+kind, live[kind].GetUID(), b.GetUID()); err != nil {
					return err
				}
			}
			before = live
			return errors.Join(is("ports", strings.Join(gotPorts, ", "), ports), is("containers", strings.Join(gotContainers, ", "), containers))
		})
	}
	const without, udp = "status-port TCP 15021>15021, https TCP 443>443", ", https-udp UDP 443>443"
	beside := `{"image":"beside:1","name":"beside","ports":[{"containerPort":443,"protocol":"UDP"},{"containerPort":443}]}`
	both := state("workload", knownvalue.ObjectPartial(map[string]knownvalue.Check{
		"service":               knownvalue.ObjectPartial(map[string]knownvalue.Check{"http3": knownvalue.Bool(true)}),
		"additional_containers": knownvalue.ListExact([]knownvalue.Check{knownvalue.StringExact(beside)}),
	}))
	update := plans(plancheck.ResourceActionUpdate)
	g.test(
		resource.TestStep{
			ConfigDirectory:   tuned(object{"service": object{"http3": true}, "additional_containers": []string{beside}}),
			ConfigStateChecks: []statecheck.StateCheck{has(without+udp, "istio-proxy auto, beside beside:1"), both},
		},
		resource.TestStep{
			ConfigDirectory: tuned(object{}), ConfigPlanChecks: update, ConfigStateChecks: []statecheck.StateCheck{has(without, "istio-proxy auto")},
		},
		resource.TestStep{
			ConfigDirectory: tuned(object{"service": object{"http3": true}}), ConfigPlanChecks: update,
			ConfigStateChecks: []statecheck.StateCheck{has(without+udp, "istio-proxy auto")},
		},
		resource.TestStep{
			ConfigDirectory:  tuned(object{"service": object{"http3": true}, "additional_containers": []string{beside}}),
			ConfigPlanChecks: update, ConfigStateChecks: []statecheck.StateCheck{has(without+udp, "istio-proxy auto, beside beside:1"), both},
		},
	)
}
