package analysis_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"istio.io/api/networking/v1alpha3"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pkg/config"
	istio "istio.io/istio/pkg/config/analysis"
	"istio.io/istio/pkg/config/analysis/analyzers/virtualservice"
	"istio.io/istio/pkg/config/analysis/diag"
	"istio.io/istio/pkg/config/analysis/msg"
	"istio.io/istio/pkg/config/resource"
	"istio.io/istio/pkg/config/schema/gvk"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/magneticio/terraform-provider-lamia/internal/analysis"
)

// context is what Istio's analyzers, those of istioctl analyze, are asked about: the same objects, and what they say of them.
type context struct {
	istio.Context
	instances map[config.GroupVersionKind][]*resource.Instance
	said      []diag.Message
}

type nowhere struct{ resource.Origin }

func (nowhere) FieldMap() map[string]int { return nil }

func newContext(c *objects) *context {
	ctx := &context{instances: map[config.GroupVersionKind][]*resource.Instance{}}
	add := func(kind config.GroupVersionKind, o metav1.Object, spec config.Spec) {
		ctx.instances[kind] = append(ctx.instances[kind], &resource.Instance{
			Metadata: resource.Metadata{FullName: resource.NewFullName(resource.Namespace(o.GetNamespace()), resource.LocalName(o.GetName()))},
			Message:  spec, Origin: nowhere{},
		})
	}
	for _, o := range c.gateways {
		add(gvk.Gateway, o, o.Spec.DeepCopy()) // they change it
	}
	for _, o := range c.virtualServices {
		add(gvk.VirtualService, o, &o.Spec)
	}
	for _, o := range c.destinationRules {
		add(gvk.DestinationRule, o, &o.Spec)
	}
	return ctx
}

func (c *context) Report(_ config.GroupVersionKind, m diag.Message) { c.said = append(c.said, m) }

func (c *context) Find(kind config.GroupVersionKind, name resource.FullName) *resource.Instance {
	if i := slices.IndexFunc(c.instances[kind], func(r *resource.Instance) bool { return r.Metadata.FullName == name }); i >= 0 {
		return c.instances[kind][i]
	}
	return nil
}

func (c *context) Exists(kind config.GroupVersionKind, name resource.FullName) bool {
	return c.Find(kind, name) != nil
}

func (c *context) ForEach(kind config.GroupVersionKind, each istio.IteratorFn) {
	for _, r := range c.instances[kind] {
		if !each(r) {
			return
		}
	}
}

// Where Istio's analyzers ask the same, the answer is the same: with one host, no wildcards in rules, and one namespace for what is looked up by host.
func TestAgreesWithIstio(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	counts := map[string]int{}
	for range 3000 {
		c := randomObjects(random)
		want, got := map[string]bool{}, map[string]bool{}
		ctx := newContext(c)
		for _, analyzer := range []istio.Analyzer{&virtualservice.GatewayAnalyzer{}, &virtualservice.DestinationRuleAnalyzer{}, &virtualservice.ConflictingMeshGatewayHostsAnalyzer{}} {
			analyzer.Analyze(ctx)
		}
		for _, m := range ctx.said {
			vs := m.Resource.Metadata.FullName.String()
			switch {
			case m.Type == msg.ReferencedResourceNotFound && m.Parameters[0] == "gateway":
				want[vs+" gateway"] = true
			case m.Type == msg.ReferencedResourceNotFound:
				want[vs+" subset"] = true
			case m.Type == msg.VirtualServiceHostNotFoundInGateway:
				want[vs+" host"] = true
			case m.Type == msg.ConflictingMeshGatewayVirtualServiceHosts:
				want[vs+" conflict"] = true
			}
		}
		for _, vs := range c.virtualServices {
			name := vs.Namespace + "/" + vs.Name
			for _, f := range analysis.VirtualService(c, vs) {
				switch {
				case strings.HasPrefix(f.Field, "spec.gateways"):
					got[name+" gateway"], got[name+" host"] = true, true // of a Gateway that is not there Istio says both
				case strings.HasSuffix(f.Field, ".subset"):
					got[name+" subset"] = true
				case strings.Contains(f.Summary, "is not served"):
					got[name+" host"] = true
				case strings.Contains(f.Summary, "in the mesh"):
					got[name+" conflict"] = true
				}
			}
		}
		if !maps.Equal(got, want) {
			t.Fatalf("found %v, Istio %v, in\n%v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)), c)
		}
		for finding := range want {
			counts[strings.Fields(finding)[1]]++
		}
	}
	for _, finding := range []string{"gateway", "host", "subset", "conflict"} {
		if counts[finding] < 100 {
			t.Errorf("too few cases of %s: %v", finding, counts)
		}
	}
}

func randomObjects(random *rand.Rand) *objects {
	one := func(of ...string) string { return of[random.IntN(len(of))] }
	meta := func(namespace, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name}
	}
	c := &objects{}
	for _, name := range []string{"a/gw", "b/gw"} {
		if random.IntN(4) == 0 {
			continue
		}
		namespace, _, _ := strings.Cut(name, "/")
		gw := &networking.Gateway{ObjectMeta: meta(namespace, "gw")}
		for range 1 + random.IntN(2) {
			gw.Spec.Servers = append(gw.Spec.Servers, &v1alpha3.Server{Hosts: []string{
				one("", "", "./", "*/", "a/", "b/") + one("x.com", "y.com", "*.x.com", "*.com", "a.x.com", "*"),
				one("x.com", "b/x.com", "*.y.com"),
			}})
		}
		c.gateways = append(c.gateways, gw)
	}
	for _, h := range []string{"svc", "svc2"} {
		if random.IntN(2) == 0 {
			dr := &networking.DestinationRule{ObjectMeta: meta("a", h)}
			dr.Spec.Host = one(h, h+".a.svc.cluster.local")
			dr.Spec.Subsets = []*v1alpha3.Subset{{Name: one("v1", "v2")}}
			c.destinationRules = append(c.destinationRules, dr)
		}
	}
	for i := range 1 + random.IntN(3) {
		vs := &networking.VirtualService{ObjectMeta: meta("a", fmt.Sprint("vs-", i))}
		vs.Spec.Hosts = []string{one("x.com", "y.com", "a.x.com", "b.a.x.com", "svc", "svc.a.svc.cluster.local")}
		if name := one("", "", "mesh", "gw", "a/gw", "b/gw"); name != "" {
			vs.Spec.Gateways = []string{name}
		}
		if to := one("", "*", ".", "a", "b"); to != "" && !slices.Contains(vs.Spec.Gateways, "b/gw") {
			vs.Spec.ExportTo = []string{to, one(".", "b")}
		}
		vs.Spec.Http = []*v1alpha3.HTTPRoute{{Route: []*v1alpha3.HTTPRouteDestination{{Destination: &v1alpha3.Destination{
			Host: one("svc", "svc2", "svc.a.svc.cluster.local"), Subset: one("", "v1", "v2"),
		}}}}}
		c.virtualServices = append(c.virtualServices, vs)
	}
	return c
}
