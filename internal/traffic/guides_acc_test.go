package traffic_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
	"github.com/magneticio/terraform-provider-lamia/internal/traffic"
)

const guides = "../../examples/guides"

// guide is a guide's configuration, applied with the guides' applications.
type guide struct {
	plane
	*testing.T
	namespace string
	tf        *acctest.Terraform
}

// Requests go where the guides say.
func TestAccTraffic_guides(t *testing.T) {
	t.Parallel()
	for name, check := range map[string]func(guide){
		"getting-started": func(g guide) {
			g.answers("by default", g.gateway(), "http://shop.example.com/", nil, version("v1", "/"))
		},
		"request-routing": func(g guide) {
			web := g.gateway()
			g.answers("a tester", web, "http://shop.example.com/", []string{"x-tester", "yes"}, version("v2", "/"))
			g.answers("the API", web, "http://shop.example.com/api/items", nil, version("v2", "/items"))
			g.answers("an old path", web, "http://shop.example.com/old", nil, redirect("http://shop.example.com/"))
			g.answers("anything else", web, "http://shop.example.com/x", nil, version("v1", "/x"))
		},
		"traffic-shifting": func(g guide) {
			checkout, shop := g.inside()
			for weight, want := range map[string][]string{"50": {"v1", "v2"}, "100": {"v2"}, "0": {"v1"}} {
				g.tf.Must("apply", "-auto-approve", "-var=v2_weight="+weight)
				g.versions("weight "+weight, checkout, shop, want...)
			}
		},
		"canary": guide.canary,
		"flagger": func(g guide) {
			var canary struct {
				Spec struct {
					Service struct{ Gateways, Hosts []string }
				}
			}
			g.read("flagger/canary.yaml", &canary)
			gateway, host := g.tf.Values("lamia_gateway.web"), canary.Spec.Service.Hosts[0]
			if want := []string{"shop/" + gateway["name"].(string)}; !slices.Equal(canary.Spec.Service.Gateways, want) { // in the guide's namespace
				g.Errorf("the Canary has the gateways %v, want %v", canary.Spec.Service.Gateways, want)
			}
			vs := acctest.NewObject(g.T, istio.VirtualService(), g.namespace, "flagger") // as Flagger creates it
			vs.Create(fmt.Sprintf(`{"hosts":[%q],"gateways":[%q],"http":[{"directResponse":{"status":202}}]}`, host, gateway["id"]), nil)
			g.answers("the host", g.gateway(), "http://"+host+"/", nil, func(a *traffic.Answer) bool { return a.Status == http.StatusAccepted })
		},
		"ingress": func(g guide) {
			roots := g.secret(g.namespace, "shop-tls", "shop.example.com") // like cert-manager
			at := address(g.T, g.tf, "lamia_gateway.web")
			g.answers("HTTP", g.connect(g.LoadBalancer(at, 80), nil), "http://shop.example.com/x", nil, redirect("https://shop.example.com/x"))
			secure := g.connect(g.LoadBalancer(at, 443), &tls.Config{RootCAs: roots, ServerName: "shop.example.com"})
			g.answers("HTTPS", secure, "https://shop.example.com/x", nil, version("v1", "/x"))
		},
		"mirroring": func(g guide) {
			checkout, shop := g.inside()
			g.answers("no tester", checkout, shop, nil, version("v1", "/"))
			v2 := g.connect(g.exposed(g.namespace, map[string]string{"app": "shop", "version": "v2"}, 8080), nil)
			g.eventually("version 2 gets copies", func() error {
				if _, err := checkout.Versions(g.Context(), 10, shop+url.QueryEscape("?id=copied")); err != nil {
					return err
				}
				a, err := v2.Get(g.Context(), "http://shop/?id=copied")
				if err == nil && a.Asked.Seen < 2 { // this is the first request
					err = errors.New("no copy")
				}
				return err
			})
			g.eventually("requests of testers fail", func() error {
				a, err := checkout.Get(g.Context(), shop, "x-tester", "yes")
				if err == nil && (a.Status != http.StatusServiceUnavailable || a.Asked.Pod != "") {
					err = fmt.Errorf("%+v", a)
				}
				return err
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := guide{plane: newPlane(t), T: t, namespace: acctest.Namespace(t)}
			g.deploy()
			g.tf = acctest.NewTerraform(t, filepath.Join(guides, name), "", nil)
			g.tf.Setenv("LAMIA_NAMESPACE", g.namespace)
			g.tf.Must("apply", "-auto-approve")
			check(g)
			g.tf.Must("destroy", "-auto-approve")
		})
	}
}

// canary writes what Argo Rollouts writes between applies.
func (g guide) canary() {
	hash := func(s string) string { return fmt.Sprintf(`{"app":"shop","rollouts-pod-template-hash":%q}`, s) }
	for _, version := range []string{"v1", "v2"} { // the pods of two ReplicaSets
		patch := []byte(`{"spec":{"template":{"metadata":{"labels":` + hash(version) + `}}}}`)
		if _, err := g.client.AppsV1().Deployments(g.namespace).Patch(g.Context(), "shop-"+version, types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
			g.Fatal(err)
		}
		g.ready(g.namespace, map[string]string{"version": version, "rollouts-pod-template-hash": version})
	}
	checkout, shop := g.inside()
	var manifest struct {
		Spec struct {
			Strategy struct {
				Canary struct {
					TrafficRouting struct {
						Istio struct {
							VirtualService struct {
								Name   string
								Routes []string
							}
							DestinationRule struct{ Name, StableSubsetName, CanarySubsetName string }
						}
					}
				}
			}
		}
	}
	g.read("canary/rollout.yaml", &manifest)
	names := manifest.Spec.Strategy.Canary.TrafficRouting.Istio // the controller writes to these
	vs := acctest.NewObject(g.T, istio.VirtualService(), g.namespace, names.VirtualService.Name)
	dr := acctest.NewObject(g.T, istio.DestinationRule(), g.namespace, names.DestinationRule.Name)
	rollout := func(weight int, stable, canary string) {
		dr.Patch(fmt.Sprintf(`{"spec":{"subsets":[{"name":%q,"labels":%s},{"name":%q,"labels":%s}]}}`,
			names.DestinationRule.StableSubsetName, hash(stable), names.DestinationRule.CanarySubsetName, hash(canary)))
		route := func(subset string, weight int) string {
			return fmt.Sprintf(`{"destination":{"host":"shop.%s.svc.cluster.local","subset":%q},"weight":%d}`, g.namespace, subset, weight)
		}
		vs.Patch(fmt.Sprintf(`{"spec":{"http":[{"name":%q,"route":[%s,%s],"timeout":"5s"}]}}`, names.VirtualService.Routes[0],
			route(names.DestinationRule.StableSubsetName, 100-weight), route(names.DestinationRule.CanarySubsetName, weight)))
		g.tf.Empty()
	}
	rollout(50, "v1", "v2")
	g.tf.Configure(acctest.Folder(g.T, "", map[string]string{"override.tf": `resource "lamia_destination_rule" "shop" {
		traffic_policy = { connection_pool = { tcp = { connect_timeout = "1s" } } }
	}`}))
	g.tf.Must("apply", "-auto-approve")
	g.versions("in the middle", checkout, shop, "v1", "v2")
	rollout(0, "v2", "v2")
	g.versions("promoted", checkout, shop, "v2")
}

// read reads a manifest of the guides.
func (g guide) read(file string, to any) {
	g.Helper()
	content, err := os.ReadFile(filepath.Join(guides, file))
	if err == nil {
		err = yaml.Unmarshal(content, to)
	}
	if err != nil {
		g.Fatal(err)
	}
}

// deploy runs the guides' applications in the mesh, with the image of the test's application.
func (g guide) deploy() {
	g.Helper()
	inject := []byte(`{"metadata": {"labels": {"istio-injection": "enabled"}}}`)
	if _, err := g.client.CoreV1().Namespaces().Patch(g.Context(), g.namespace, types.MergePatchType, inject, metav1.PatchOptions{}); err != nil {
		g.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(guides, "shop.yaml"))
	if err != nil {
		g.Fatal(err)
	}
	for documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(file), 4096); ; {
		var d appsv1.Deployment
		if err := documents.Decode(&d); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			g.Fatal(err)
		}
		echo(&d)
		if _, err := g.client.AppsV1().Deployments(g.namespace).Create(g.Context(), &d, metav1.CreateOptions{}); err != nil {
			g.Fatal(err)
		}
		defer g.ready(g.namespace, d.Spec.Template.Labels)
	}
}

// gateway connects to the guide's gateway.
func (g guide) gateway() *traffic.Client {
	return g.connect(g.LoadBalancer(address(g.T, g.tf, "lamia_gateway.web"), 80), nil)
}

// inside connects to the pod of checkout, and returns the URL with which the pod calls the Service shop through its sidecar.
func (g guide) inside() (checkout *traffic.Client, shop string) {
	pod := g.connect(g.exposed(g.namespace, map[string]string{"app": "checkout"}, 8080), nil)
	return pod, "http://checkout/?call=http://" + g.tf.Values("lamia_service.shop")["host"].(string) + "/"
}

// versions waits until exactly these versions answer. With equal weights, only one of two versions answers with a probability of 2e-6.
func (g guide) versions(what string, client *traffic.Client, url string, want ...string) {
	g.Helper()
	g.eventually(what, func() error {
		got, err := client.Versions(g.Context(), 20, url)
		if err == nil && !slices.Equal(slices.Sorted(maps.Keys(got)), want) {
			err = fmt.Errorf("%v", got)
		}
		return err
	})
}

// answers waits until the response to a request is as wanted, because proxies get a new route with a delay.
func (g guide) answers(what string, client *traffic.Client, url string, headers []string, want func(*traffic.Answer) bool) {
	g.Helper()
	g.eventually(what, func() error {
		a, err := client.Get(g.Context(), url, headers...)
		if err == nil && !want(a) {
			err = fmt.Errorf("%+v", a)
		}
		return err
	})
}

func version(version, path string) func(*traffic.Answer) bool {
	return func(a *traffic.Answer) bool {
		return a.Status == http.StatusOK && a.Asked.Version() == version && a.Asked.Path == path
	}
}

func redirect(to string) func(*traffic.Answer) bool {
	return func(a *traffic.Answer) bool {
		return a.Status == http.StatusMovedPermanently && a.Headers.Get("location") == to
	}
}
