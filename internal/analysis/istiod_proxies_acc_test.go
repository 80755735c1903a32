package analysis_test

import (
	"context"
	"errors"
	"slices"
	"strings"

	networking "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

// group is a set of proxies. A statement about the group must hold for one of them or, if all is set because it is unknown which of them exist,
// for all of them.
type group struct {
	configs []*mesh.Config
	all     bool
}

func (g group) say(so func(*mesh.Config) bool) bool {
	if g.all {
		return !slices.ContainsFunc(g.configs, func(c *mesh.Config) bool { return !so(c) })
	}
	return slices.ContainsFunc(g.configs, so)
}

// groups returns the proxies that a virtual service can affect: those of each of its gateways, and sidecars if it applies to the mesh.
func (j *judge) groups(ctx context.Context, vs *networking.VirtualService, delegates ...*networking.VirtualService) (all []group, err error) {
	gateways := vs.Spec.Gateways
	if len(gateways) == 0 {
		gateways = []string{"mesh"}
	}
	for _, name := range gateways {
		if name == "mesh" {
			sidecars := group{}
			for _, namespace := range j.near(vs, delegates) {
				for _, labels := range []map[string]string{nil, {"app": "x"}} {
					c, err := j.config(ctx, mesh.Proxy{Namespace: namespace, Labels: labels})
					if err != nil {
						return nil, err
					}
					sidecars.configs = append(sidecars.configs, c)
				}
			}
			all = append(all, sidecars)
			continue
		}
		namespace, name, _ := strings.Cut(name, "/")
		i := slices.IndexFunc(j.known.gateways, func(g *networking.Gateway) bool { return g.Namespace == namespace && g.Name == name })
		if i < 0 {
			continue
		}
		g, err := j.proxies(ctx, j.known.gateways[i], vs)
		if err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	return all, nil
}

// near returns the namespaces whose sidecars are checked: that of the virtual service (or those that it is exported to, if its own is not among
// them), those of its hosts, and those that its rules name.
func (j *judge) near(vs *networking.VirtualService, delegates []*networking.VirtualService) (all []string) {
	sees := func(namespace string) bool {
		to := vs.Spec.ExportTo
		return len(to) == 0 || slices.Contains(to, "*") || slices.Contains(to, namespace) || namespace == vs.Namespace && slices.Contains(to, ".")
	}
	named := []string{vs.Namespace}
	if !sees(vs.Namespace) {
		named = vs.Spec.ExportTo
	}
	for _, h := range vs.Spec.Hosts {
		if parts := strings.Split(h, "."); len(parts) > 2 && parts[2] == "svc" {
			named = append(named, parts[1])
		}
	}
	for _, of := range append(delegates, vs) {
		for _, rule := range of.Spec.Http {
			for _, match := range rule.Match {
				named = append(named, match.SourceNamespace)
			}
		}
	}
	for _, namespace := range named {
		if sees(namespace) && slices.Contains(j.namespaces, namespace) && !slices.Contains(all, namespace) {
			all = append(all, namespace)
		}
	}
	return all
}

// proxies returns the gateway's pods in its namespace, in those that the virtual service names, and in the usual namespaces of shared gateways.
// Without such pods, it returns possible proxies in all namespaces.
func (j *judge) proxies(ctx context.Context, gateway *networking.Gateway, vs *networking.VirtualService) (g group, err error) {
	looked := []string{gateway.Namespace, "istio-system", "istio-ingress"}
	if vs != nil {
		looked = append(append(looked, vs.Namespace), vs.Spec.ExportTo...)
	}
	add := func(namespace string, labels map[string]string) {
		c, failed := j.config(ctx, mesh.Proxy{Gateway: true, Namespace: namespace, Labels: labels})
		g.configs, err = append(g.configs, c), errors.Join(err, failed)
	}
	for _, pod := range j.known.pods {
		if labels.SelectorFromSet(gateway.Spec.Selector).Matches(labels.Set(pod.Labels)) && slices.Contains(looked, pod.Namespace) {
			add(pod.Namespace, pod.Labels)
		}
	}
	if len(g.configs) == 0 {
		g.all = true
		for _, namespace := range j.namespaces {
			add(namespace, gateway.Spec.Selector)
			add(namespace, labels.Merge(gateway.Spec.Selector, labels.Set{"app": "x"}))
		}
	}
	return g, err
}

// everyone returns all proxies that may get the rules of a virtual service.
func (j *judge) everyone(ctx context.Context) (all []*mesh.Config, err error) {
	add := func(p mesh.Proxy) {
		c, failed := j.config(ctx, p)
		all, err = append(all, c), errors.Join(err, failed)
	}
	for _, pod := range j.known.pods {
		add(mesh.Proxy{Gateway: true, Namespace: pod.Namespace, Labels: pod.Labels})
	}
	for _, namespace := range j.namespaces {
		for _, gateway := range j.known.gateways {
			add(mesh.Proxy{Gateway: true, Namespace: namespace, Labels: gateway.Spec.Selector})
		}
		add(mesh.Proxy{Namespace: namespace})
		add(mesh.Proxy{Namespace: namespace, Labels: map[string]string{"app": "x"}})
	}
	return all, err
}
