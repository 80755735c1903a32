package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/magneticio/terraform-provider-lamia/internal/traffic"
)

const (
	// each is the number of requests to each route.
	each = 20
	// many is the number of requests that show weights.
	many = 1000
	// routingPatience is how long proxies may take to get a change of the routing.
	routingPatience = 20 * time.Second
)

// route is a route of the tutorial: a request, and the application that must answer it.
type route struct {
	name         string
	host, path   string
	fromPod      bool // sent from a pod of team 3 in the mesh, not from outside
	app, version string
	as           string // the path that the application sees
}

var routes = []route{
	{name: "vs-1", host: "vamp-gw1-test.democluster.net", path: "/", app: "app1", version: "version1", as: "/"},
	{name: "vs-2", host: "vamp-gw1-alt-test.democluster.net", path: "/", app: "app1", version: "version2", as: "/"},
	{name: "vs-3", host: "vamp-gw2-test.democluster.net", path: "/service1/y", app: "app1", version: "version3", as: "//y"},
	{name: "vs-3", host: "vamp-gw2-test.democluster.net", path: "/service2", app: "app2", version: "version1", as: "/"},
	{name: "vs-4, from a pod of team 3", host: "vamp-gw2-test.democluster.net", path: "/service2", fromPod: true, app: "app2", version: "version1", as: "/"},
}

// promises are what the tutorial promises, with the routes that show it.
var promises = []struct {
	text   string
	routes []int
}{
	{"From outside the cluster, a host name leads to a service of team 1.", []int{0}},
	{"A second host name leads to another version of the same service.", []int{1}},
	{"Depending on its path, a request to team 2's host leads to team 1's or team 2's service, with its prefix replaced by /.", []int{2, 3}},
	{"A pod of team 3 reaches team 2's gateway through team 3's own rules.", []int{4}},
}

// canaryFile overrides the route of vs-1 in the copy of the example.
const canaryFile = "team-1/canary_override.tf"

const canary = `# Some of the requests go to the next version.
resource "lamia_virtual_service" "vs_1" {
  http = [{
    route = [for version, weight in { version1 = 80, version2 = 20 } : {
      destination = {
        host   = lamia_service.svc_1.host
        port   = { number = lamia_service.svc_1.ports[0].port }
        subset = local.subsets[version]
      }
      weight = weight
    }]
  }]
}
`

// requests shows which applications answer requests, and shifts requests by a weight in Terraform.
func (d *demo) requests(ctx context.Context) (err error) {
	if d.traffic, err = traffic.Discover(ctx, d.client); err != nil {
		return err
	}
	if d.traffic.Proxies == "" {
		return d.step("Requests", func() (string, error) {
			return "none: only the control plane of make demo answers them, and only with Envoy", nil
		})
	}
	addresses, err := d.work.addresses(ctx)
	if err != nil {
		return err
	}
	if err := d.step(fmt.Sprintf("Requests through the gateways, which run Envoy %s", d.traffic.Proxies), func() (string, error) {
		return d.ask(ctx, addresses)
	}); err != nil {
		return err
	}
	if err := d.step(fmt.Sprintf("A weight in Terraform shifts requests: %d requests to http://%s/", many, routes[0].host), func() (string, error) {
		return d.move(ctx, d.traffic.LoadBalancer(addresses[routes[0].host], 80))
	}); err != nil {
		return err
	}
	return d.tick()
}

// tick prints the promises that the requests have confirmed.
func (d *demo) tick() error {
	fmt.Fprintf(d.out, "\nWhat the tutorial promises, as the requests show\n")
	for _, p := range promises {
		for _, route := range p.routes {
			if seen := d.seen[route]; seen != each {
				return fmt.Errorf("only %d of %d requests confirm: %s", seen, each, p.text)
			}
		}
		d.say("✓ " + p.text)
	}
	return nil
}

// ask sends requests to each route, and fails unless the applications that the tutorial names answer all of them.
func (d *demo) ask(ctx context.Context, addresses map[string]string) (string, error) {
	d.seen = make([]int, len(routes))
	var lines strings.Builder
	w := tabwriter.NewWriter(&lines, 0, 0, 2, ' ', 0)
	for i, r := range routes {
		asked := "http://" + r.host + r.path
		at := d.traffic.LoadBalancer(addresses[r.host], 80)
		client, address := traffic.NewClient(at, nil), asked
		curl := fmt.Sprintf("curl -H 'Host: %s' http://%s%s", r.host, at, r.path)
		if r.fromPod {
			pod, err := d.pod(ctx, d.before.Namespaces()[2])
			if err != nil {
				return "", err
			}
			// The pod makes the request, and its sidecar handles it like a connection to the gateway.
			address = "http://" + pod + "/?" + url.Values{"call": {asked}, "at": {at}}.Encode()
			client = traffic.NewClient(pod, nil)
			curl = "curl '" + address + "'"
		}
		defer client.Close()
		// istiod needs a moment to send a new route to the proxies.
		var last error
		err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, routingPatience, true, func(ctx context.Context) (bool, error) {
			for d.seen[i] = 0; d.seen[i] < each; d.seen[i]++ {
				if last = r.asked(ctx, client, address); last != nil {
					return false, nil
				}
			}
			return true, nil
		})
		if err != nil {
			return "", fmt.Errorf("%s, %s: %w: %w", r.name, asked, err, last)
		}
		fmt.Fprintf(w, "%s\t%s\tat %s\t%d of %d answered by %s %s, asked for %s\n", r.name, asked, at, d.seen[i], each, r.app, r.version, r.as)
		d.curls = append(d.curls, curl)
	}
	w.Flush()
	return strings.TrimRight(lines.String(), "\n"), nil
}

// asked sends a request and returns nil if the right application answers.
func (r route) asked(ctx context.Context, client *traffic.Client, address string) error {
	a, err := client.Get(ctx, address)
	if err != nil {
		return err
	}
	if a.Status != 200 || a.Asked.Labels["app"] != r.app || a.Asked.Version() != r.version || a.Asked.Path != r.as {
		return fmt.Errorf("status %d from %s %s, which received %s: %s", a.Status, a.Asked.Labels["app"], a.Asked.Version(), a.Asked.Path, a.Body)
	}
	return nil
}

// move changes the weights of vs-1, and counts which versions answer before and after.
func (d *demo) move(ctx context.Context, at string) (string, error) {
	client := traffic.NewClient(at, nil)
	defer client.Close()
	url := "http://" + routes[0].host + "/"
	before, err := client.Versions(ctx, many, url)
	if err != nil {
		return "", err
	}
	if err := d.work.add(canaryFile, canary); err != nil {
		return "", err
	}
	if _, _, err := d.work.plan(ctx); err != nil {
		return "", err
	}
	applied, err := d.work.apply(ctx)
	if err != nil {
		return "", err
	}
	if err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, routingPatience, true, func(ctx context.Context) (bool, error) {
		now, err := client.Versions(ctx, each, url)
		return len(now) > 1, err
	}); err != nil {
		return "", fmt.Errorf("the weight has no effect: %w", err)
	}
	after, err := client.Versions(ctx, many, url)
	if err != nil {
		return "", err
	}
	if len(before) != 1 || after["version2"] == 0 || after["version2"] > many/2 {
		return "", errors.New("the weight has the wrong effect: " + shares(before) + "; then " + shares(after))
	}
	return strings.Join([]string{shares(before), "weights 80 and 20: " + applied, shares(after)}, "\n"), nil
}

func shares(versions map[string]int) string {
	var shares []string
	for _, version := range slices.Sorted(maps.Keys(versions)) {
		shares = append(shares, fmt.Sprintf("%d by %s", versions[version], version))
	}
	return "answered " + strings.Join(shares, ", ")
}

// pod returns the address of an application's pod in the namespace.
func (d *demo) pod(ctx context.Context, namespace string) (string, error) {
	pods, err := d.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", err
	}
	for _, pod := range pods.Items {
		if ip, _, _ := unstructured.NestedString(pod.Object, "status", "podIP"); ip != "" {
			return d.traffic.Pod(ip, 9090), nil
		}
	}
	return "", fmt.Errorf("no pod runs in namespace %s", namespace)
}
