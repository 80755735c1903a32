package faults_test

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apischema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

// renamed is the suffix of the names of replacements.
const renamed = "-b"

// matrix holds many objects. Each run of Terraform breaks a different request of each object.
type matrix struct {
	t      *testing.T
	tf     *acctest.Terraform
	cells  map[string]*cell // by key
	named  map[string]*cell // by namespace and name, or by namespace
	armed  atomic.Bool
	writes atomic.Int64 // number of requests that write
}

func newMatrix(t *testing.T, configuration string, cells []*cell) *matrix {
	t.Helper()
	m := &matrix{t: t, cells: make(map[string]*cell), named: make(map[string]*cell)}
	for i, c := range cells {
		c.Type = "ClusterIP"
		if c.fault != nil && i%8 == 0 { // the cluster does not have enough addresses for all
			c.Type = "LoadBalancer"
		}
		m.cells[strings.ReplaceAll(c.Kind, "_", "-")+"-"+c.Name] = c
		m.named[c.String()] = c
		for _, namespace := range c.namespaces {
			m.named[namespace] = c
		}
	}
	proxy := acctest.Proxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if writes(r) {
			m.writes.Add(1)
		}
		namespace, name := about(r)
		for _, key := range []string{namespace + "/" + name, namespace} {
			if c := m.named[key]; c != nil && m.armed.Load() {
				c.intercept(w, r, next)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
	m.tf = acctest.NewTerraform(t, configuration, proxy, map[string]any{"cells": m.cells})
	m.tf.Setenv(acctest.PatienceEnv, "15s")
	return m
}

// broken runs a command with broken requests. It checks that the errors are about the objects of those requests and say what to do.
func (m *matrix) broken(args ...string) {
	m.t.Helper()
	for _, c := range m.cells {
		c.met.Store(0)
		c.hit.Store(nil)
	}
	m.armed.Store(true)
	said := m.tf.Run(args...)
	m.armed.Store(false)
	counts, hits := make(map[string]int64), 0
	for _, c := range m.cells {
		if c.hit.Load() != nil {
			hits++
		}
		if c.fault == nil {
			counts[c.Kind] = c.met.Load()
		}
	}
	m.t.Logf("terraform %s: %d requests broken, %d errors; requests without: %v", args, hits, len(said.Errors()), counts)
	for _, d := range said.Errors() {
		c := m.at(d)
		switch {
		case c == nil:
			m.t.Errorf("no one's error: %s", d)
		case c.hit.Load() == nil:
			m.t.Errorf("%s has an error, but its request %d never came: %s", c, c.k, d)
		case !strings.Contains(d.Summary, c.Namespace):
			m.t.Errorf("after %s of %s the error does not name it: %s", c.fails, *c.hit.Load(), d)
		case !advice.MatchString(d.Detail):
			m.t.Errorf("after %s of %s the error does not say what to do: %s", c.fails, *c.hit.Load(), d)
		case c.fails != "403" && c.fails != "409":
			m.t.Errorf("after %s of %s nothing was tried again: %s", c.fails, *c.hit.Load(), d)
		}
		if strings.Contains(d.String(), "bug") {
			m.t.Errorf("a bug: %s", d)
		}
	}
}

// at returns the cell of a diagnostic. Terraform gives no address for deletions.
func (m *matrix) at(d acctest.Diagnostic) *cell {
	if key := instance.FindStringSubmatch(d.Address); key != nil {
		return m.cells[key[1]]
	}
	if name := quoted.FindStringSubmatch(d.Summary); name != nil {
		for _, key := range []string{strings.TrimSuffix(strings.TrimSuffix(name[0], "-gateway"), renamed), name[1]} {
			if c := m.named[key]; c != nil {
				return c
			}
		}
	}
	return nil
}

// These find the key of a resource or of its module in an address, the name of an object in a text, and the type of a resource.
var (
	instance = regexp.MustCompile(`\["(.*?)"\]`)
	quoted   = regexp.MustCompile(`([a-z0-9-]+)/[a-z0-9-]+`) // namespace and name of an object
	typed    = regexp.MustCompile(`\blamia_\w+`)
)

// advice matches what an error says to do.
var advice = regexp.MustCompile(`\b([Aa]gain|[Aa]sk|import|dry_run|timeouts)\b`)

// there returns the UIDs of the provider's objects in the cells' namespaces, by kind and name.
func (m *matrix) there() map[string]string {
	m.t.Helper()
	client, err := dynamic.NewForConfig(acctest.Config(m.t))
	if err != nil {
		m.t.Fatal(err)
	}
	resources := make(map[string]apischema.GroupVersionResource)
	for _, k := range istio.Kinds() {
		resources[k.Kind] = k.Resource
		if k.Companions != nil {
			maps.Copy(resources, k.Companions.Resources)
		}
	}
	namespaces := make(map[string]bool)
	for _, c := range m.cells {
		if c.namespaces == nil {
			namespaces[c.Namespace] = true
		}
		for _, namespace := range c.namespaces {
			namespaces[namespace] = true
		}
	}
	there := make(map[string]string)
	for kind, resource := range resources {
		for namespace := range namespaces {
			list, err := client.Resource(resource).Namespace(namespace).List(m.t.Context(), metav1.ListOptions{})
			if err != nil {
				m.t.Fatal(err)
			}
			for _, o := range list.Items {
				if o.GetName() != "default" && !strings.HasPrefix(o.GetName(), "vamp-test-deployment") {
					there[kind+" "+namespace+"/"+o.GetName()] = string(o.GetUID())
				}
			}
		}
	}
	return there
}

// agree checks that the state and the cluster have the same objects. With gone, the state may also have objects that are already deleted.
func (m *matrix) agree(gone bool) (there map[string]string) {
	m.t.Helper()
	there = m.there()
	known := make(map[string]bool)
	for address, values := range m.tf.All() {
		kind := kinds[typed.FindString(address)]
		if kind == "" { // a data source
			continue
		}
		object := fmt.Sprintf("%s %s", kind, values["id"])
		known[object] = true
		if kind == "Gateway" {
			for companion := range istio.Gateway().Companions.Resources {
				known[fmt.Sprintf("%s %s-gateway", companion, values["id"])] = true
			}
		}
		if uid, exists := there[object]; uid != values["uid"] && (exists || !gone) {
			m.t.Errorf("the state has %s with the UID %v, the cluster has %q", address, values["uid"], there[object])
		}
	}
	for object := range there {
		if !known[object] {
			m.t.Errorf("%s is in no state", object)
		}
	}
	return there
}

var kinds = func() map[string]string {
	kinds := make(map[string]string)
	for _, k := range istio.Kinds() {
		kinds["lamia_"+k.Type] = k.Kind
	}
	return kinds
}()

// heal applies without faults. It checks that no existing object is replaced and that the next plan is empty.
func (m *matrix) heal(args ...string) {
	m.t.Helper()
	before := m.agree(true)
	m.tf.Must(append([]string{"apply", "-auto-approve", parallelism}, args...)...)
	m.tf.Empty(append([]string{parallelism}, args...)...)
	after := m.agree(false)
	for object, uid := range before {
		if now, ok := after[object]; ok && now != uid {
			m.t.Errorf("%s had the UID %s, and now %s", object, uid, now)
		}
	}
	if len(after) < len(m.cells) {
		m.t.Errorf("%d objects of %d cells", len(after), len(m.cells))
	}
}

const parallelism = "-parallelism=60"

// requests is the number of requests of an operation on an object, without repeated checks whether it is ready.
var requests = map[string]int64{"service": 3, "destination_rule": 3, "service_entry": 3, "virtual_service": 3, "gateway": creating}

// lists is the number of lists in a namespace during a refresh. They are broken for objects that have a namespace of their own.
const lists = 14

// TestAccFaults_kinds breaks each request of each operation on each kind in each way.
func TestAccFaults_kinds(t *testing.T) {
	t.Parallel()
	var cells []*cell
	for kind, n := range requests {
		namespace := acctest.Namespace(t)
		cells = append(cells, &cell{Kind: kind, Namespace: namespace, Name: "none"})
		for fails, fault := range faults {
			for k := range n {
				cells = append(cells, &cell{Kind: kind, Namespace: namespace, Name: fmt.Sprintf("f%s-%d", fails, k+1), fault: fault, fails: fails, k: k + 1})
			}
		}
	}
	names := slices.Sorted(maps.Keys(faults))
	for k := range lists {
		namespace, fails := acctest.Namespace(t), names[k%len(names)]
		cells = append(cells, &cell{Kind: "gateway", Namespace: namespace, Name: fmt.Sprint("lists-", k+1), fault: faults[fails], fails: fails, k: int64(k + 1), namespaces: []string{namespace}})
	}
	m := newMatrix(t, "testdata/kinds", cells)

	m.broken("plan", parallelism)
	if there := m.there(); m.writes.Load() > 0 || len(there) > 0 {
		t.Errorf("a plan wrote %d times and made %v", m.writes.Load(), there)
	}
	m.tf.Setenv("KUBE_DRY_RUN", "never") // otherwise the number of requests depends on how many plans run again before the first create
	m.tf.Must("plan", "-out=create", parallelism)
	m.broken("apply", parallelism, "create")
	m.heal()

	before := m.writes.Load()
	m.broken("plan", parallelism)
	if n := m.writes.Load() - before; n > 0 {
		t.Errorf("a refresh wrote %d times", n)
	}
	m.tf.Must("plan", "-out=update", "-var=changed=true", parallelism)
	m.broken("apply", parallelism, "update")
	m.heal("-var=changed=true")

	m.tf.Must("plan", "-out=replace", "-var=changed=true", "-var=suffix="+renamed, parallelism)
	m.broken("apply", parallelism, "replace")
	m.heal("-var=changed=true", "-var=suffix="+renamed)

	m.tf.Must("plan", "-destroy", "-out=destroy", "-var=changed=true", "-var=suffix="+renamed, parallelism)
	m.broken("apply", parallelism, "destroy")
	m.agree(true)
	m.tf.Must("destroy", "-auto-approve", parallelism)
	if there := m.there(); len(there) > 0 {
		t.Errorf("left behind: %v", there)
	}
}
