package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// fleet is n virtual services with a match, two weighted routes, a timeout and retries, and n destination rules with the two subsets that they
// route to. No other namespace has the same hosts.
type fleet struct {
	n         int
	namespace string
	timeout   string
	// missing makes each virtual service route to a subset that its rule does not have, so that each of them has a warning.
	missing bool
}

// resources returns a configuration with the fleet as resources of the provider.
func (f fleet) resources() string {
	subset := "v2"
	if f.missing {
		subset = "v3"
	}
	return fmt.Sprintf(`
terraform {
  required_providers {
    lamia = { source = "magneticio/lamia" }
  }
}

provider "lamia" {
  namespace = %q
}

resource "lamia_destination_rule" "all" {
  count = %d
  name  = "fleet-${count.index}"
  host  = "fleet-${count.index}.%[1]s.example.com"
  subsets = [
    { name = "v1", labels = { version = "v1" } },
    { name = "v2", labels = { version = "v2" } },
  ]
}

resource "lamia_virtual_service" "all" {
  count = %[2]d
  name  = "fleet-${count.index}"
  hosts = [lamia_destination_rule.all[count.index].host]
  http = [{
    match = [{ uri = { prefix = "/a" } }]
    route = [
      { destination = { host = "fleet-${count.index}.%[1]s.example.com", subset = "v1" }, weight = 80 },
      { destination = { host = "fleet-${count.index}.%[1]s.example.com", subset = %[3]q }, weight = 20 },
    ]
    timeout = %[4]q
    retries = { attempts = 3, per_try_timeout = "500ms" }
  }]
}
`, f.namespace, f.n, subset, f.timeout)
}

func (f fleet) host(i int) string { return fmt.Sprintf("fleet-%d.%s.example.com", i, f.namespace) }

// data returns a configuration with the same content in terraform_data.
func (f fleet) data() string {
	return fmt.Sprintf(`
resource "terraform_data" "rules" {
  count = %d
  input = {
    name = "fleet-${count.index}"
    host = "fleet-${count.index}.%[3]s.example.com"
    subsets = [
      { name = "v1", labels = { version = "v1" } },
      { name = "v2", labels = { version = "v2" } },
    ]
  }
}

resource "terraform_data" "services" {
  count = %[1]d
  input = {
    name  = "fleet-${count.index}"
    hosts = [terraform_data.rules[count.index].input.host]
    http = [{
      match = [{ uri = { prefix = "/a" } }]
      route = [
        { destination = { host = "fleet-${count.index}.%[3]s.example.com", subset = "v1" }, weight = 80 },
        { destination = { host = "fleet-${count.index}.%[3]s.example.com", subset = "v2" }, weight = 20 },
      ]
      timeout = %[2]q
      retries = { attempts = 3, per_try_timeout = "500ms" }
    }]
  }
}
`, f.n, f.timeout, f.namespace)
}

// entries creates service entries for the hosts of the fleet, with endpoints for its subsets, so that its routes work.
func (f fleet) entries(ctx context.Context, client dynamic.Interface) error {
	all := client.Resource(schema.GroupVersionResource{Group: "networking.istio.io", Version: "v1", Resource: "serviceentries"}).Namespace(f.namespace)
	const most = 256 // the maximum number of hosts that the CRD allows
	var endpoints []any
	for i, version := range []string{"v1", "v2"} {
		endpoints = append(endpoints, map[string]any{"address": fmt.Sprint("192.0.2.", i+1), "labels": map[string]any{"version": version}})
	}
	for i := 0; i < f.n; i += most {
		var hosts []any
		for j := i; j < min(i+most, f.n); j++ {
			hosts = append(hosts, f.host(j))
		}
		_, err := all.Create(ctx, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": map[string]any{"name": fmt.Sprint("hosts-", i)},
			"spec": map[string]any{"hosts": hosts, "resolution": "STATIC", "endpoints": endpoints, "ports": []any{map[string]any{"number": int64(80), "name": "http", "protocol": "HTTP"}}},
		}}, metav1.CreateOptions{})
		if err != nil {
			return err
		}
	}
	return nil
}

var (
	rules    = schema.GroupVersionResource{Group: "networking.istio.io", Version: "v1", Resource: "destinationrules"}
	services = schema.GroupVersionResource{Group: "networking.istio.io", Version: "v1", Resource: "virtualservices"}
)

// object returns an object of the fleet as the provider sends it.
func (f fleet) object(resource schema.GroupVersionResource, i int) *unstructured.Unstructured {
	host := f.host(i)
	spec := map[string]any{"host": host, "subsets": []any{
		map[string]any{"name": "v1", "labels": map[string]any{"version": "v1"}}, map[string]any{"name": "v2", "labels": map[string]any{"version": "v2"}},
	}}
	kind := "DestinationRule"
	if resource == services {
		kind = "VirtualService"
		route := func(subset string, weight int64) any {
			return map[string]any{"destination": map[string]any{"host": host, "subset": subset}, "weight": weight}
		}
		spec = map[string]any{"hosts": []any{host}, "http": []any{map[string]any{
			"match": []any{map[string]any{"uri": map[string]any{"prefix": "/a"}}}, "route": []any{route("v1", 80), route("v2", 20)},
			"timeout": f.timeout, "retries": map[string]any{"attempts": int64(3), "perTryTimeout": "500ms"},
		}}}
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "networking.istio.io/v1", "kind": kind,
		"metadata": map[string]any{"namespace": f.namespace, "name": fmt.Sprintf("fleet-%d", i)}, "spec": spec,
	}}
}

// direct performs an operation of Terraform on the whole fleet with API requests only: one for each object, from ten workers. It returns the
// time in seconds.
func (f fleet) direct(ctx context.Context, client dynamic.Interface, operation string) (float64, error) {
	start := time.Now()
	work := make(chan func() error)
	var mu sync.Mutex
	var failed error
	var workers sync.WaitGroup
	for range 10 {
		workers.Go(func() {
			for do := range work {
				if err := do(); err != nil {
					mu.Lock()
					failed = err
					mu.Unlock()
				}
			}
		})
	}
	for i := range f.n {
		for _, resource := range []schema.GroupVersionResource{rules, services} {
			c := client.Resource(resource).Namespace(f.namespace)
			o := f.object(resource, i)
			work <- func() (err error) {
				switch operation {
				case "create":
					_, err = c.Create(ctx, o, metav1.CreateOptions{})
				case "change":
					if resource == services {
						var patch []byte
						if patch, err = json.Marshal(map[string]any{"spec": o.Object["spec"]}); err == nil {
							_, err = c.Patch(ctx, o.GetName(), types.MergePatchType, patch, metav1.PatchOptions{})
						}
					}
				case "destroy":
					err = c.Delete(ctx, o.GetName(), metav1.DeleteOptions{})
				}
				return err
			}
		}
	}
	close(work)
	workers.Wait()
	return time.Since(start).Seconds(), failed
}

// gateways returns a configuration with n gateways that have their own proxies.
func gateways(namespace string, n int) string {
	return fmt.Sprintf(`
terraform {
  required_providers {
    lamia = { source = "magneticio/lamia" }
  }
}

resource "lamia_gateway" "all" {
  count     = %d
  namespace = %q
  name      = "gw-${count.index}"
  servers = [{
    port  = { number = 80, name = "http", protocol = "HTTP" }
    hosts = ["gw-${count.index}.example.com"]
  }]
}
`, n, namespace)
}

// large returns a configuration with a destination rule with many subsets and a virtual service with many routes.
func large(namespace string, subsets, routes int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "terraform {\n  required_providers {\n    lamia = { source = \"magneticio/lamia\" }\n  }\n}\n\nprovider \"lamia\" {\n  namespace = %q\n}\n", namespace)
	fmt.Fprintf(&b, "resource \"lamia_destination_rule\" \"large\" {\n  name = \"large\"\n  host = \"large.example.com\"\n"+
		"  subsets = [for i in range(%d) : { name = \"v${i}\", labels = { version = \"v${i}\" } }]\n}\n", subsets)
	fmt.Fprintf(&b, "resource \"lamia_virtual_service\" \"large\" {\n  name = \"large\"\n  hosts = [\"large.example.com\"]\n"+
		"  http = [for i in range(%d) : { match = [{ uri = { prefix = \"/${i}/\" } }], route = [{ destination = { host = \"large.example.com\" } }] }]\n}\n", routes)
	return b.String()
}
