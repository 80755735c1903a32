package analysis

import (
	"fmt"
	"slices"
	"strings"

	"istio.io/api/annotation"
	"istio.io/api/networking/v1alpha3"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pkg/config/host"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

func at(format string, indices ...any) string { return fmt.Sprintf(format, indices...) }

// part is what of a cluster has to do with some hosts, and what Istio makes of it. So small a part is translated in a millisecond or two,
// whatever else a namespace holds.
type part struct {
	Reader
	objects    mesh.Objects
	namespaces []string
	sources    []source
	// assumed are hosts of which it is not known whether anything has them. They are taken to be there, at the ports that are asked for.
	assumed map[host.Name]bool
	mesh    *mesh.Mesh
}

// question is what a part has to answer.
type question struct {
	namespaces  []string
	hosts       host.Names // of virtual services, destination rules or destinations
	connections bool       // all rules for connections count, whatever their hosts
	ports       []int      // of destinations
	sources     []source
}

// questionOf is the question of a virtual service.
func questionOf(vs *networking.VirtualService, spec *v1alpha3.VirtualService) question {
	q := question{namespaces: []string{vs.Namespace}, connections: len(spec.Tcp)+len(spec.Tls) > 0}
	for _, name := range gatewayReferences(spec) {
		if name != everySidecar {
			q.namespaces = append(q.namespaces, nameIn(name).Namespace)
		}
	}
	q.hosts = host.NewNames(spec.Hosts)
	for _, d := range destinations(spec) {
		q.hosts = append(q.hosts, mesh.Host(d.GetHost(), vs.Namespace))
		q.ports = append(q.ports, int(d.GetPort().GetNumber()))
	}
	for _, h := range q.hosts {
		if s, ok := service(h); ok {
			q.namespaces = append(q.namespaces, s.Namespace)
		}
	}
	for _, rule := range spec.Http {
		if rule.Delegate != nil {
			q.namespaces = append(q.namespaces, delegateName(rule.Delegate, vs.Namespace).Namespace)
		}
	}
	q.sources = sources(spec)
	for _, s := range q.sources {
		if s.namespace != "" {
			q.namespaces = append(q.namespaces, s.namespace)
		}
	}
	q.namespaces = append(q.namespaces, exported(vs.Spec.ExportTo, vs.Namespace).near(vs.Namespace)...)
	return q
}

// partOf reads what the question is about, and translates it.
func partOf(r Reader, q question) *part {
	p := &part{Reader: r, namespaces: append(q.namespaces, mesh.RootNamespace), sources: q.sources}
	slices.Sort(p.namespaces)
	p.namespaces = slices.Compact(p.namespaces)
	matches := func(hosts ...host.Name) bool {
		return slices.ContainsFunc(hosts, func(h host.Name) bool { return slices.ContainsFunc(q.hosts, h.Matches) })
	}
	p.objects.Services = append(p.objects.Services, web)
	delegates := p.virtualServices(q, matches)
	p.gateways()
	for _, vs := range p.objects.VirtualServices {
		for _, rule := range vs.Spec.Http {
			if d := find(delegates, delegateName(rule.Delegate, vs.Namespace)); d != nil && find(p.objects.VirtualServices, nameOf(d)) == nil {
				p.objects.VirtualServices = append(p.objects.VirtualServices, d)
			}
		}
	}
	for _, namespace := range p.namespaces {
		sidecars, _ := r.Sidecars(namespace)
		p.objects.Sidecars = append(p.objects.Sidecars, sidecars...)
		rules, _ := r.DestinationRules(namespace)
		for _, dr := range rules {
			if matches(mesh.Host(dr.Spec.Host, namespace)) {
				p.objects.DestinationRules = append(p.objects.DestinationRules, dr)
			}
		}
	}
	// A sidecar has all hosts of a virtual service at each port that one of them has.
	namespaces := slices.Clone(p.namespaces)
	for _, vs := range p.objects.VirtualServices {
		for _, h := range hostsOf(vs) {
			q.hosts = append(q.hosts, h)
			if s, ok := service(h); ok {
				namespaces = append(namespaces, s.Namespace)
			}
		}
	}
	for _, s := range p.objects.Sidecars {
		for _, e := range s.Spec.Egress {
			for _, h := range e.Hosts {
				namespace, _, _ := strings.Cut(h, "/")
				namespaces = append(namespaces, namespace)
			}
		}
	}
	slices.Sort(namespaces)
	for _, namespace := range slices.Compact(namespaces) {
		if strings.Trim(namespace, ".*~") == "" { // of a Sidecar
			continue
		}
		services, _ := r.Services(namespace)
		web := map[string]bool{} // where a sidecar knows any service of port 80, it listens there for all hosts: one of each that may be seen by others
		for _, s := range services {
			to := s.Annotations[annotation.NetworkingExportTo.Name]
			is80 := !web[to] && slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == 80 })
			web[to] = web[to] || is80
			if is80 || matches(mesh.Host(s.Name, s.Namespace)) {
				p.objects.Services = append(p.objects.Services, s)
			}
		}
	}
	for _, e := range of(p.namespaces, r.ServiceEntries) {
		if matches(host.NewNames(e.Spec.Hosts)...) {
			p.objects.ServiceEntries = append(p.objects.ServiceEntries, e)
		}
	}
	p.assume(q)
	return p
}

// virtualServices adds those that match, and returns those that others may delegate to.
func (p *part) virtualServices(q question, matches func(...host.Name) bool) (delegates []*networking.VirtualService) {
	for _, vs := range of(p.namespaces, p.VirtualServices) {
		if len(vs.Spec.Hosts) == 0 {
			delegates = append(delegates, vs)
		} else if q.connections && len(vs.Spec.Tcp)+len(vs.Spec.Tls) > 0 || matches(hostsOf(vs)...) {
			p.objects.VirtualServices = append(p.objects.VirtualServices, vs)
		}
	}
	return delegates
}

// gateways adds those of the part's namespaces, and all that may have the same proxies.
func (p *part) gateways() {
	var others []*networking.Gateway
	for _, g := range of(p.namespaces, p.Gateways) {
		if slices.Contains(p.namespaces, g.Namespace) {
			p.objects.Gateways = append(p.objects.Gateways, g)
		} else {
			others = append(others, g)
		}
	}
	own := p.objects.Gateways
	for _, g := range others {
		if slices.ContainsFunc(own, func(o *networking.Gateway) bool { return !labels.Conflicts(o.Spec.Selector, g.Spec.Selector) }) {
			p.objects.Gateways = append(p.objects.Gateways, g)
		}
	}
}

// assume adds a service entry for each host that may be there.
func (p *part) assume(q question) {
	p.assumed = map[host.Name]bool{}
	ports := append(slices.Clone(q.ports), 80)
	slices.Sort(ports)
	ports = slices.DeleteFunc(slices.Compact(ports), func(port int) bool { return port == 0 })
	for _, h := range q.hosts {
		if _, known := p.unknownHost(h); known || p.assumed[h] || h.IsWildCarded() || len(p.having(h)) > 0 {
			continue
		}
		owner := elsewhere
		if s, ok := service(h); ok {
			owner = s.Namespace
		}
		e := &networking.ServiceEntry{ObjectMeta: metav1.ObjectMeta{Namespace: owner, Name: "assumed"}, Spec: v1alpha3.ServiceEntry{Hosts: []string{string(h)}}}
		for _, port := range ports {
			e.Spec.Ports = append(e.Spec.Ports, &v1alpha3.ServicePort{Number: uint32(port), Name: fmt.Sprint("http-", port), Protocol: "HTTP"})
		}
		p.assumed[h] = true
		p.objects.ServiceEntries = append(p.objects.ServiceEntries, e)
	}
}

func (p *part) assumes(h host.Name) bool { return p.assumed[h] }

// hostsOf are the full names of the hosts of a virtual service.
func hostsOf(vs *networking.VirtualService) (all host.Names) {
	for _, h := range vs.Spec.Hosts {
		all = append(all, mesh.Host(h, vs.Namespace))
	}
	return all
}

// web is one of the services of port 80 that every mesh has.
var web = &corev1.Service{
	ObjectMeta: metav1.ObjectMeta{Namespace: elsewhere, Name: "web"},
	Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 80}}},
}

// config is what a proxy is served; nil, if that is unknown.
func (p *part) config(proxy mesh.Proxy) *mesh.Config {
	if p.mesh == nil {
		m, err := mesh.New(p.objects)
		if err != nil {
			return nil
		}
		p.mesh = m
	}
	c, err := p.mesh.Config(proxy)
	if err != nil {
		return nil
	}
	return c
}

// service is the Service of the host; nil, if none is known.
func (p *part) service(h host.Name) *corev1.Service {
	name, _ := service(h)
	return find(p.objects.Services, name)
}

// pods are as many as the Service selects with these labels in addition; false, if that is unknown.
func (p *part) pods(s *corev1.Service, subset map[string]string) (n int, known bool) {
	if len(s.Spec.Selector) == 0 || s.Spec.Type == corev1.ServiceTypeExternalName {
		return 0, false
	}
	pods, known := p.Pods(s.Namespace)
	selector := labels.Merge(s.Spec.Selector, subset).AsSelector()
	for _, pod := range pods {
		if selector.Matches(pod) {
			n++
		}
	}
	return n, known
}
