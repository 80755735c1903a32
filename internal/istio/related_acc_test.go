package istio_test

import (
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	object_ "github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

// related is a namespace with a configuration that refers to other objects in it.
type related struct {
	*acctest.Terraform
	t         *testing.T
	namespace string
}

// relate creates a namespace with a Service svc, and a configuration with the variable "namespace".
func relate(t *testing.T, configuration string) related {
	t.Helper()
	r := related{t: t, namespace: acctest.Namespace(t)}
	r.Terraform = r.terraform(configuration, "")
	r.service("svc")
	return r
}

// service creates a Service without a selector, so it needs no pods.
func (r related) service(name string) {
	r.t.Helper()
	r.object(istio.Service(), name).Create(`{"ports":[{"name":"http","port":80}]}`, nil)
}

// terraform returns a CLI with its own state.
func (r related) terraform(configuration, kubeconfig string) *acctest.Terraform {
	return acctest.NewTerraform(r.t, folderOf(r.t, configuration), kubeconfig, map[string]any{"namespace": r.namespace})
}

func folderOf(t *testing.T, configuration string) string {
	return acctest.Folder(t, "", map[string]string{"main.tf": "variable \"namespace\" { type = string }\n" + configuration})
}

func (r related) object(k *object_.Kind, name string) *acctest.Object {
	return acctest.NewObject(r.t, k, r.namespace, name)
}

// warns checks that a command succeeds with exactly these warnings: the attribute of each, and texts in it, with $ for the namespace.
func (r related) warns(diagnostics acctest.Diagnostics, want ...[]string) {
	r.t.Helper()
	if errs := diagnostics.Errors(); len(errs) > 0 {
		r.t.Fatalf("errors:\n%s", errs)
	}
	r.says(diagnostics, want...)
}

func (r related) says(diagnostics acctest.Diagnostics, want ...[]string) {
	r.t.Helper()
	diagnostics = slices.DeleteFunc(diagnostics, func(d acctest.Diagnostic) bool { return d.Address == "" })
	for _, w := range want {
		i := slices.IndexFunc(diagnostics, func(d acctest.Diagnostic) bool {
			return strings.HasPrefix(d.Line(), w[0]) && !slices.ContainsFunc(w[1:], func(text string) bool {
				return !strings.Contains(d.Summary+"\n"+d.Detail, strings.ReplaceAll(text, "$", r.namespace))
			})
		})
		if i < 0 {
			r.t.Errorf("nothing at %q says all of %q:\n%s", w[0], w[1:], diagnostics)
			continue
		}
		diagnostics = slices.Delete(diagnostics, i, i+1)
	}
	if len(diagnostics) > 0 {
		r.t.Errorf("besides:\n%s", diagnostics)
	}
}

const routing = `
resource "lamia_virtual_service" "test" {
  namespace = var.namespace
  name      = "vs"
  hosts     = ["x.example.com", "y.example.com"]
  gateways  = ["gw"]
  http = [
    { delegate = { name = "more" }, match = [{ uri = { exact = "/more" } }] },
    { route = [{ destination = { host = "svc", subset = "v1" } }] },
  ]
}
`

// A virtual service that refers to objects that do not exist is created. As long as they are missing, there is one warning in each run.
func TestAccRelated_missing(t *testing.T) {
	t.Parallel()
	r := relate(t, routing)
	gateway := []string{"gateways", `VirtualService "$/vs" names Gateway "$/gw", which does not exist`, "At gateways[0]", "yet"}
	missing := [][]string{
		{"http", `VirtualService "$/vs" delegates to VirtualService "$/more", which does not exist`, "At http[0].delegate", "yet"},
		{"http", `VirtualService "$/vs" routes to the subset "v1" of "svc"`, "At http[1].route[0].destination.subset", "no DestinationRule yet"},
	}
	r.warns(r.Run("apply", "-auto-approve"), gateway, missing[0]) // without the gateway, no proxy has routes
	r.warns(r.Run("plan"), gateway, missing[0])
	gw := r.object(istio.Gateway(), "gw")
	gw.Create(`{"selector":{"istio":"`+r.namespace+`"},"servers":[{"port":{"number":80,"name":"http","protocol":"HTTP"},"hosts":["./*.example.com"]}]}`, nil)
	r.warns(r.Run("plan"), missing...)
	// The update does not repeat warnings of the refresh before it.
	r.Configure(folderOf(t, strings.Replace(routing, `name      = "vs"`, `name      = "vs"`+"\n  labels = { a = \"b\" }", 1)))
	r.warns(r.Run("apply", "-auto-approve"), missing...)
	// It adds warnings about what it breaks.
	r.Configure(folderOf(t, strings.Replace(routing, `"v1"`, `"v2"`, 1)))
	r.warns(r.Run("apply", "-auto-approve"), append(slices.Clone(missing), []string{"http", `the subset "v2" of "svc"`})...)

	r.object(istio.VirtualService(), "more").Create(`{"http":[{"route":[{"destination":{"host":"svc"}}]}]}`, nil)
	r.object(istio.DestinationRule(), "dr").Create(`{"host":"*.`+r.namespace+`.svc.cluster.local","subsets":[{"name":"v1"},{"name":"v2"}]}`, nil)
	r.warns(r.Run("plan"))

	gw.Patch(`{"spec":{"servers":[{"port":{"number":80,"name":"http","protocol":"HTTP"},"hosts":["./x.example.com","other/y.example.com"]}]}}`)
	r.warns(r.Run("plan"), []string{"hosts", `Host "y.example.com" is not served by a gateway of VirtualService "$/vs"`, "At hosts[1]",
		`Gateway "$/gw" serves "./x.example.com", "other/y.example.com"`})
}

// There is a warning for a host that neither a Service nor a ServiceEntry has.
func TestAccRelated_host(t *testing.T) {
	t.Parallel()
	r := relate(t, strings.NewReplacer(`"svc"`, `"scv"`).Replace(rule)+`
resource "lamia_virtual_service" "test" {
  namespace = var.namespace
  name      = "vs"
  hosts     = ["svc"]
  http      = [{ route = [{ destination = { host = "scv" } }] }]
}
`)
	unknown := [][]string{
		{"http", `VirtualService "$/vs" routes to host "scv", which does not exist`, `no Service "$/scv"`},
		{"host", `DestinationRule "$/b" is for host "scv", which does not exist`, `no Service "$/scv"`},
	}
	r.warns(r.Run("apply", "-auto-approve"), unknown...)
	r.service("scv")
	r.warns(r.Run("plan"))
}

// late returns the kubeconfig of a cluster in which writes to these objects with this method wait until someone watches the objects.
func (r related) late(method, resource string) (kubeconfig string) {
	var once sync.Once
	watched := make(chan struct{})
	return acctest.Proxy(r.t, func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		path := strings.Split(req.URL.Path, "/")
		switch {
		case req.URL.Query().Get("watch") != "" && path[len(path)-1] == resource:
			once.Do(func() { close(watched) })
		case req.Method == method && slices.Contains(path, resource) && !acctest.IsDryRun(req):
			select {
			case <-watched:
			case <-req.Context().Done():
			}
		}
		next.ServeHTTP(w, req)
	})
}

// Objects that Terraform creates at the same time are not reported missing.
func TestAccRelated_madeTogether(t *testing.T) {
	t.Parallel()
	r := related{t: t, namespace: acctest.Namespace(t)}
	r.service("svc")
	r.Terraform = r.terraform(routing+`
resource "lamia_gateway" "test" {
  namespace = var.namespace
  name      = "gw"
  selector  = { istio = var.namespace }
  servers   = [{ port = { number = 80, name = "http", protocol = "HTTP" }, hosts = ["*"] }]
}
resource "lamia_destination_rule" "test" {
  namespace = var.namespace
  name      = "dr"
  host      = "svc"
  subsets   = [{ name = "v1" }]
}
resource "lamia_virtual_service" "more" {
  namespace = var.namespace
  name      = "more"
  http      = [{ route = [{ destination = { host = "svc" } }] }]
}
`, r.late(http.MethodPost, "gateways"))
	r.warns(r.Run("apply", "-auto-approve"))
	r.warns(r.Run("plan"))
}

// There is a warning for two virtual services with the same host on the same gateway, and it names the one that wins. On different gateways
// there is none.
func TestAccRelated_sameHost(t *testing.T) {
	t.Parallel()
	vs := func(gateways string) string {
		return `
resource "lamia_virtual_service" "test" {
  namespace = var.namespace
  name      = "b"
  hosts     = ["x"]
  gateways  = [` + gateways + `]
  http      = [{ route = [{ destination = { host = "svc" } }] }]
}
`
	}
	r := relate(t, vs(`"mesh"`))
	r.object(istio.Gateway(), "gw").Create(`{"selector":{"istio":"`+r.namespace+`"},"servers":[{"port":{"number":80,"name":"http","protocol":"HTTP"},"hosts":["*"]}]}`, nil)
	older := r.object(istio.VirtualService(), "a") // or as old and first in the alphabet
	older.Create(`{"hosts":["x.`+r.namespace+`.svc.cluster.local"],"http":[{"route":[{"destination":{"host":"svc"}}]}]}`, nil)
	conflict := []string{"hosts", `VirtualService "$/b" and VirtualService "$/a" have the same host in the mesh`, `Sidecars in namespace "$" follow only VirtualService "$/a"`}
	r.warns(r.Run("apply", "-auto-approve"), conflict)
	r.warns(r.Run("plan"), conflict)
	r.Configure(folderOf(t, vs(`"gw"`)))
	r.warns(r.Run("apply", "-auto-approve"), conflict) // found by the refresh before the apply
	r.warns(r.Run("plan"))
	older.Patch(`{"spec":{"gateways":["` + r.namespace + `/gw"]}}`)
	r.warns(r.Run("plan"), []string{"hosts", `VirtualService "$/b" and VirtualService "$/a" have the same host on Gateway "$/gw"`, `VirtualService "$/a" comes first`})
	older.Delete()
	r.warns(r.Run("plan"))
}

const rule = `
resource "lamia_destination_rule" "test" {
  namespace = var.namespace
  name      = "b"
  host      = "svc"
  subsets   = [{ name = "v1", labels = { version = "v1" } }, { name = "v2", labels = { version = "v2" } }]
}
`

// There are warnings for a subset that selects no pod, and for another destination rule of the same host.
func TestAccRelated_destinationRule(t *testing.T) {
	t.Parallel()
	r := relate(t, rule)
	r.object(istio.Service(), "svc").Patch(`{"spec":{"selector":{"app":"x"}}}`)
	pods := resources(t, corev1.SchemeGroupVersion.WithResource("pods")).Namespace(r.namespace)
	start := func(version string) {
		t.Helper()
		pod := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Pod",
			"spec": map[string]any{"containers": []any{map[string]any{"name": "x", "image": "x"}}}}}
		pod.SetName(version)
		pod.SetLabels(map[string]string{"app": "x", "version": version})
		if _, err := pods.Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	start("v1")
	r.warns(r.Run("apply", "-auto-approve"), []string{"subsets", `Subset "v2" of DestinationRule "$/b" selects no pod of Service "$/svc"`, "At subsets[1].labels", "app=x,version=v2"})
	start("v2")
	r.warns(r.Run("plan"))
	other := r.object(istio.DestinationRule(), "a")
	other.Create(`{"host":"svc.`+r.namespace+`.svc.cluster.local"}`, nil)
	r.warns(r.Run("plan"), []string{"host", `DestinationRule "$/b" and DestinationRule "$/a" are for the same host`, "comes first"})
	other.Delete()
	r.warns(r.Run("plan"))
}

const less = `, { name = "v2", labels = { version = "v2" } }`

// A subset stays as long as a virtual service routes to it, with a warning, and the next plan removes it.
func TestAccRelated_subsetKept(t *testing.T) {
	t.Parallel()
	r := relate(t, rule)
	r.Must("apply", "-auto-approve")
	vs := r.object(istio.VirtualService(), "vs")
	vs.Create(`{"hosts":["x"],"http":[{"route":[{"destination":{"host":"svc","subset":"v2"}}]}]}`, nil)
	dr := r.object(istio.DestinationRule(), "b")
	subsets := func(want int) {
		t.Helper()
		all, _, _ := unstructured.NestedSlice(dr.Live().Object, "spec", "subsets")
		if len(all) != want {
			t.Errorf("%d subsets, want %d: %v", len(all), want, all)
		}
	}
	r.Configure(folderOf(t, strings.Replace(rule, less, "", 1)))
	kept := []string{"subsets", `"v2" of DestinationRule "$/b" stays as long as VirtualService "$/vs" routes to it`, "http[0].route[0].destination", "the next plan shows"}
	r.warns(r.Run("plan"), kept)
	for range 2 {
		r.warns(r.Run("apply", "-auto-approve"), kept, kept) // one of the plan and one of the apply
		subsets(2)
	}
	vs.Patch(`{"spec":{"http":[{"route":[{"destination":{"host":"svc","subset":"v1"}}]}]}}`)
	r.warns(r.Run("apply", "-auto-approve"))
	subsets(1)
	r.warns(r.Run("plan"))
	r.Empty()
}

// With remove_at_once, subsets are removed immediately.
func TestAccRelated_subsetAtOnce(t *testing.T) {
	t.Parallel()
	const block = "provider \"lamia\" {\n  remove_at_once = true\n}\n"
	r := relate(t, block+rule)
	r.Must("apply", "-auto-approve")
	r.object(istio.VirtualService(), "vs").Create(`{"hosts":["x"],"http":[{"route":[{"destination":{"host":"svc","subset":"v2"}}]}]}`, nil)
	r.Configure(folderOf(t, block+strings.Replace(rule, less, "", 1)))
	r.warns(r.Run("apply", "-auto-approve"))
	all, _, _ := unstructured.NestedSlice(r.object(istio.DestinationRule(), "b").Live().Object, "spec", "subsets")
	if len(all) != 1 {
		t.Errorf("the subsets are %v", all)
	}
}

// A subset and the route to it can be removed in one apply, whether Terraform changes them in parallel or the route last.
func TestAccRelated_subsetAndRoute(t *testing.T) {
	t.Parallel()
	for name, dependency := range map[string]string{"free": "", "after": "depends_on = [lamia_destination_rule.test]"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both := rule + `
resource "lamia_virtual_service" "test" {
  namespace = var.namespace
  name      = "vs"
  hosts     = ["x"]
  http      = [{ route = [{ destination = { host = "svc", subset = "v2" } }] }]
  ` + dependency + `
}
`
			r := relate(t, both)
			r.Must("apply", "-auto-approve")
			r.Configure(folderOf(t, strings.NewReplacer(less, "", `subset = "v2"`, `subset = "v1"`).Replace(both)))
			r.Must("apply", "-auto-approve")
			r.warns(r.Run("plan"))
			r.Empty()
		})
	}
}

// Without permission to read other objects, there are no warnings, and nothing fails.
func TestAccRelated_forbidden(t *testing.T) {
	t.Parallel()
	r := related{t: t, namespace: acctest.Namespace(t)}
	role := filepath.Join(acctest.Folder(t, "", map[string]string{"blind.yaml": `rules:
- apiGroups: [networking.istio.io]
  resources: [virtualservices, destinationrules]
  verbs: [get, create, patch, delete]
`}), "blind.yaml")
	r.Terraform = r.terraform(routing+rule, acctest.Account(t, r.namespace, role))
	r.object(istio.VirtualService(), "other").Create(`{"hosts":["x"],"http":[{"route":[{"destination":{"host":"svc","subset":"v2"}}]}]}`, nil)
	r.warns(r.Run("apply", "-auto-approve"))
	r.warns(r.Run("plan"))
	r.Configure(folderOf(t, routing+strings.Replace(rule, `, { name = "v2", labels = { version = "v2" } }`, "", 1)))
	r.warns(r.Run("apply", "-auto-approve"))
}

// However many resources there are, a plan lists each kind once and gets no single object, also if it imports them. An apply sends one write for each resource,
// and one read if it updates or deletes the resource. Warnings cost one list and one watch for each kind.
func TestAccRelated_requests(t *testing.T) {
	t.Parallel()
	r := related{t: t, namespace: acctest.Namespace(t)}
	var mu sync.Mutex
	requests := map[string]int{}
	proxy := acctest.Proxy(t, func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		path := strings.Split(req.URL.Path, "/")
		i := slices.Index(path, r.namespace) + 1
		verb := req.Method
		switch {
		case acctest.IsDryRun(req):
			verb = "try"
		case req.URL.Query().Get("watch") != "":
			verb = "watch"
		case verb == http.MethodGet && i == len(path)-1:
			verb = "list"
		}
		mu.Lock()
		requests[verb+" "+path[i]]++
		mu.Unlock()
		next.ServeHTTP(w, req)
	})
	// Requests without a name are to other namespaces: to all for gateways, virtual services and service entries, and to those where gateways'
	// proxies may run.
	counts := func(command string, want map[string]int) {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		maps.DeleteFunc(requests, func(what string, _ int) bool { return strings.HasPrefix(what, "try ") }) // an apply may repeat the dry run for objects that are not stored yet
		if fmt.Sprint(requests) != fmt.Sprint(want) {
			t.Errorf("terraform %s requests\n%v, want\n%v", command, requests, want)
		}
		clear(requests)
	}
	fleet := func(subset, timeout string) string {
		return fmt.Sprintf(`
resource "lamia_virtual_service" "test" {
  count     = 20
  namespace = var.namespace
  name      = "vs-${count.index}"
  hosts     = ["${count.index}.example.com"]
  gateways  = ["gw"]
  http      = [{ route = [{ destination = { host = lamia_destination_rule.test[0].host, subset = %q } }], timeout = %q }]
}
resource "lamia_destination_rule" "test" {
  count     = 20
  namespace = var.namespace
  name      = "dr-${count.index}"
  host      = "svc-${count.index}"
  subsets   = [{ name = "v1", labels = { version = "v1" } }]
}
`, subset, timeout)
	}
	r.Terraform = r.terraform(fleet("v2", "1s"), proxy)
	r.object(istio.Gateway(), "gw").Create(`{"selector":{"istio":"`+r.namespace+`"},"servers":[{"port":{"number":80,"name":"http","protocol":"HTTP"},"hosts":["*"]}]}`, nil)
	for i := range 20 {
		r.service(fmt.Sprint("svc-", i))
	}
	clear(requests)
	warned := func(diagnostics acctest.Diagnostics) {
		t.Helper()
		diagnostics = slices.DeleteFunc(diagnostics, func(d acctest.Diagnostic) bool { return d.Address == "" }) // of Terraform itself
		if len(diagnostics) != 20 {
			t.Errorf("%d warnings, want 20:\n%s", len(diagnostics), diagnostics)
		}
	}
	warned(r.Run("apply", "-auto-approve"))
	counts("apply", map[string]int{
		"POST virtualservices": 20, "POST destinationrules": 20,
		"list destinationrules": 1, "list services": 1, "list sidecars": 1, "list pods": 1, "GET ": 8,
		"watch destinationrules": 1, "watch services": 1, "watch sidecars": 1, "watch pods": 1, "watch ": 8,
	})
	reads := map[string]int{"list virtualservices": 1, "list destinationrules": 1, "list services": 1, "list sidecars": 1, "list pods": 1, "GET ": 8}
	warned(r.Run("plan"))
	counts("plan", reads)

	r.Configure(folderOf(t, fleet("v1", "1s")))
	r.warns(r.Run("apply", "-auto-approve", "-refresh=false"))
	counts("apply", map[string]int{
		"GET virtualservices": 20, "PATCH virtualservices": 20,
		"list destinationrules": 1, "list services": 1, "list sidecars": 1, "list pods": 1, "GET ": 8,
	})
	imports := ""
	for resource, name := range map[string]string{"virtual_service": "vs", "destination_rule": "dr"} {
		imports += fmt.Sprintf(`
import {
  for_each = { for i in range(20) : i => i }
  to       = lamia_%s.test[each.value]
  id       = "${var.namespace}/%s-${each.value}"
}
`, resource, name)
	}
	r.terraform(fleet("v1", "1s")+imports, proxy).Must("plan")
	counts("plan of imports", reads)

	r.Must("destroy", "-auto-approve", "-refresh=false")
	counts("destroy", map[string]int{
		"DELETE virtualservices": 20, "DELETE destinationrules": 20, "GET virtualservices": 20, "GET destinationrules": 20,
		"GET ": 1, // lists virtual services that may still need a rule
	})
}
