package analysis_test

import (
	"slices"
	"strings"
	"testing"

	"istio.io/api/networking/v1alpha3"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/magneticio/terraform-provider-lamia/internal/analysis"
	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

// objects are the objects of a cluster.
type objects struct {
	gateways         []*networking.Gateway
	virtualServices  []*networking.VirtualService
	destinationRules []*networking.DestinationRule
	serviceEntries   []*networking.ServiceEntry
	sidecars         []*networking.Sidecar
	services         []*corev1.Service
	pods             []*corev1.Pod

	settings mesh.Settings
	unknown  []string    // namespaces that the user cannot read, or "Sidecar"
	derived  map[any]any // nil disables caching, as when objects are written one by one
	whole    bool        // keys are ignored
}

// parse reads a YAML list of objects as {kind, name, spec}. Objects are in namespace a unless the name has another one, such as b/name. Each is
// a second younger than the previous one, or as old with twin: true.
func parse(t testing.TB, list string) *objects {
	t.Helper()
	var entries []struct {
		Kind, Name string
		Twin       bool
		Labels     map[string]string
		Spec       map[string]any
	}
	if !strings.Contains(list, "kind: Service,") && strings.HasPrefix(list, "-") { // Services that tests route to
		for _, name := range []string{"svc", "svc2", "x", "w", "b/svc", "b/x"} {
			list = strings.TrimSuffix(list, "\n") + "\n- {kind: Service, twin: true, name: " + name + ", spec: {}}"
		}
	}
	if err := yaml.UnmarshalStrict([]byte(list), &entries); err != nil {
		t.Fatalf("%v in %s", err, list)
	}
	c := &objects{}
	made := int64(1_700_000_000)
	for _, e := range entries {
		if !e.Twin {
			made++
		}
		u := &unstructured.Unstructured{Object: map[string]any{"spec": e.Spec}}
		u.SetNamespace("a")
		u.SetName(e.Name)
		if namespace, name, ok := strings.Cut(e.Name, "/"); ok {
			u.SetNamespace(namespace)
			u.SetName(name)
		}
		u.SetLabels(e.Labels)
		u.SetCreationTimestamp(metav1.Unix(made, 0))
		switch e.Kind {
		case "Gateway":
			add(t, &c.gateways, u)
		case "VirtualService":
			add(t, &c.virtualServices, u)
		case "DestinationRule":
			add(t, &c.destinationRules, u)
		case "ServiceEntry":
			add(t, &c.serviceEntries, u)
		case "Sidecar":
			add(t, &c.sidecars, u)
		case "Service":
			add(t, &c.services, u)
		case "Pod":
			add(t, &c.pods, u)
		default:
			t.Fatalf("no kind %s", e.Kind)
		}
	}
	return c
}

func add[T any](t testing.TB, to *[]*T, u *unstructured.Unstructured) {
	t.Helper()
	o, err := analysis.Convert[T](u)
	if err != nil {
		t.Fatal(err)
	}
	switch o := any(o).(type) {
	case *networking.VirtualService:
		if len(o.Spec.Hosts) > 0 && len(o.Spec.Http)+len(o.Spec.Tls)+len(o.Spec.Tcp) == 0 {
			o.Spec.Http = []*v1alpha3.HTTPRoute{{Route: []*v1alpha3.HTTPRouteDestination{{Destination: &v1alpha3.Destination{Host: "svc"}}}}}
		}
	case *networking.Gateway: // a port and proxies of its own, unless the test sets them
		for _, s := range o.Spec.Servers {
			if s.Port == nil {
				s.Port = &v1alpha3.Port{Number: 80, Name: "http", Protocol: "HTTP"}
			}
		}
		if o.Spec.Selector == nil {
			o.Spec.Selector = map[string]string{"gateway": o.Namespace + "-" + o.Name}
		}
	case *corev1.Service:
		if o.Spec.Ports == nil {
			o.Spec.Ports = []corev1.ServicePort{{Name: "http", Port: 80}}
		}
	}
	*to = append(*to, o)
}

func of[T any, P interface {
	*T
	metav1.Object
}](c *objects, all []P, namespace string) (in []P, known bool) {
	return keyed(c, all, namespace, nil, nil)
}

// keyed returns the objects of the namespace that have one of the keys, as a cluster does. Without keys, it returns all.
func keyed[T any, P interface {
	*T
	metav1.Object
}](c *objects, all []P, namespace string, of func(P) []string, keys []string) (in []P, known bool) {
	if slices.Contains(c.unknown, namespace) || namespace == "" && len(c.unknown) > 0 {
		return nil, false
	}
	for _, o := range all {
		if namespace != "" && o.GetNamespace() != namespace {
			continue
		}
		if c.whole || len(keys) == 0 || slices.ContainsFunc(of(o), func(key string) bool { return slices.Contains(keys, key) }) {
			in = append(in, o)
		}
	}
	return in, true
}

func (c *objects) Gateways(namespace string, _ ...string) ([]*networking.Gateway, bool) {
	return of(c, c.gateways, namespace)
}

func (c *objects) VirtualServices(namespace string, keys ...string) ([]*networking.VirtualService, bool) {
	return keyed(c, c.virtualServices, namespace, analysis.VirtualServices.Keys, keys)
}

func (c *objects) DestinationRules(namespace string, keys ...string) ([]*networking.DestinationRule, bool) {
	return keyed(c, c.destinationRules, namespace, analysis.DestinationRules.Keys, keys)
}

func (c *objects) ServiceEntries(namespace string, keys ...string) ([]*networking.ServiceEntry, bool) {
	return keyed(c, c.serviceEntries, namespace, analysis.ServiceEntries.Keys, keys)
}

func (c *objects) Sidecars(namespace string, _ ...string) ([]*networking.Sidecar, bool) {
	all, known := of(c, c.sidecars, namespace)
	return all, known && !slices.Contains(c.unknown, "Sidecar")
}

func (c *objects) Services(namespace string, _ ...string) ([]*corev1.Service, bool) {
	return of(c, c.services, namespace)
}

func (c *objects) Settings() mesh.Settings { return c.settings }

func (c *objects) Derived(key any, make func() any) (any, bool) {
	if c.derived == nil {
		return nil, false
	}
	if c.derived[key] == nil {
		c.derived[key] = make()
	}
	return c.derived[key], true
}

func (c *objects) Pods(namespace string, _ ...string) (pods []labels.Set, known bool) {
	all, known := of(c, c.pods, namespace)
	for _, pod := range all {
		pods = append(pods, pod.Labels)
	}
	return pods, known
}

// expect checks that there are exactly these findings, in this order. Each is a field and texts of the finding.
func expect(t *testing.T, findings []engine.Finding, want [][]string) {
	t.Helper()
	if len(findings) != len(want) {
		t.Fatalf("%d findings, want %d:\n%+v", len(findings), len(want), findings)
	}
	for i, f := range findings {
		if f.Field != want[i][0] {
			t.Errorf("finding at %s, want %s: %+v", f.Field, want[i][0], f)
		}
		for _, text := range want[i][1:] {
			if !strings.Contains(f.Summary+"\n"+f.Detail, text) {
				t.Errorf("the finding at %s says\n%s\n%s\nbut not %q", f.Field, f.Summary, f.Detail, text)
			}
		}
	}
}

// test is a check of the first object of the kind.
type test struct {
	objects  string
	settings mesh.Settings
	unknown  []string
	want     [][]string
}

func run(t *testing.T, tests map[string]test, analyze func(c *objects) []engine.Finding) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := parse(t, test.objects)
			c.unknown, c.settings = test.unknown, test.settings
			expect(t, analyze(c), test.want)
			c.derived = map[any]any{}
			expect(t, analyze(c), test.want)
		})
	}
}

func virtualService(c *objects) []engine.Finding {
	return analysis.VirtualService(c, c.virtualServices[0])
}

func destinationRule(c *objects) []engine.Finding {
	return analysis.DestinationRule(c, c.destinationRules[0])
}
