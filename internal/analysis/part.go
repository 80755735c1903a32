package analysis

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

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

// part holds the objects of a cluster that concern some hosts, and Istio's translation of them.
type part struct {
	Reader
	objects    mesh.Objects
	routing    map[host.Name][]*networking.VirtualService  // virtual services that have the host
	ruling     map[host.Name][]*networking.DestinationRule // destination rules for the host
	workloads  map[string][]map[string]string              // labels that rules of the namespace apply to
	namespaces []string
	sources    []source
	services   map[host.Name]*corev1.Service
	entries    map[host.Name][]*networking.ServiceEntry
	// assumed are hosts that may or may not exist. The part contains them, with the ports of the question.
	assumed map[host.Name]bool
	mesh    func() (*mesh.Mesh, error)
}

// question describes the hosts, ports and namespaces that a part is needed for.
type question struct {
	namespaces  []string
	hosts       host.Names // of virtual services, destination rules or destinations
	connections bool       // includes all rules for connections, whatever their hosts
	ports       []int      // of destinations
	sources     []source
}

// and adds another question to this one.
func (q *question) and(other question) {
	q.namespaces = append(q.namespaces, other.namespaces...)
	q.hosts = append(q.hosts, other.hosts...)
	q.connections = q.connections || other.connections
	q.ports = append(q.ports, other.ports...)
	q.sources = append(q.sources, other.sources...)
}

// questionFor returns the question of a virtual service. For a delegate, it includes the questions of its roots.
func questionFor(r Reader, vs *networking.VirtualService) (q question) {
	q = questionOf(r, vs, resolved(vs))
	if len(vs.Spec.Hosts) == 0 {
		for _, root := range roots(r, nameOf(vs)) {
			q.and(questionOf(r, root, resolved(root)))
		}
	}
	return q
}

func questionOf(r Reader, vs *networking.VirtualService, spec *v1alpha3.VirtualService) question {
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
	q.namespaces = append(q.namespaces, exported(r, vs.Spec.ExportTo, vs.Namespace).near(vs.Namespace)...)
	return q
}

func questionOfRule(r Reader, dr *networking.DestinationRule) question {
	h := mesh.Host(dr.Spec.Host, dr.Namespace)
	q := question{namespaces: append([]string{dr.Namespace}, exported(r, dr.Spec.ExportTo, dr.Namespace).namespaces...), hosts: host.Names{h}}
	if s, ok := service(h); ok {
		q.namespaces = append(q.namespaces, s.Namespace)
	}
	return q
}

// ask returns the part that answers the question of an object in the namespace. Until something is written, this part is shared by all objects
// of the namespace and created once. Afterwards it is as small as possible, and translated in a millisecond or two.
func ask(r Reader, namespace string, q question) *part {
	shared, ok := r.Derived(namespace, func() any {
		all := question{namespaces: []string{namespace}}
		services, _ := within(namespace, r.VirtualServices)
		for _, vs := range services {
			all.and(questionFor(r, vs))
		}
		rules, _ := r.DestinationRules(namespace)
		for _, dr := range rules {
			all.and(questionOfRule(r, dr))
		}
		return partOf(r, all)
	})
	if ok {
		p := *shared.(*part)
		p.Reader = r // its context has not ended
		p.namespaces, p.sources = near(r, q), q.sources
		return &p
	}
	return partOf(r, q)
}

// near returns the namespaces that matter for a question.
func near(r Reader, q question) []string {
	return unique(append(slices.Clone(q.namespaces), r.Settings().Root()))
}

// names is a set of hosts, for lookups.
type names struct {
	exact map[host.Name]bool
	wild  host.Names
}

func (n *names) add(hosts ...host.Name) {
	for _, h := range hosts {
		if n.exact[h] {
			continue
		}
		n.exact[h] = true
		if h.IsWildCarded() {
			n.wild = append(n.wild, h)
		}
	}
}

// match reports whether a request can be for one of these hosts and one of the others.
func (n *names) match(hosts ...host.Name) bool {
	return slices.ContainsFunc(hosts, func(h host.Name) bool {
		if n.exact[h] || slices.ContainsFunc(n.wild, h.Matches) {
			return true
		}
		if h.IsWildCarded() {
			for own := range n.exact {
				if own.Matches(h) {
					return true
				}
			}
		}
		return false
	})
}

// partOf reads the objects that the question needs.
func partOf(r Reader, q question) *part {
	p := &part{Reader: r, objects: mesh.Objects{Settings: r.Settings()}, namespaces: near(r, q), sources: q.sources}
	asked := &names{exact: map[host.Name]bool{}}
	asked.add(q.hosts...)
	p.virtualServices(q.connections, asked)
	p.gateways()
	for _, namespace := range p.namespaces {
		sidecars, _ := r.Sidecars(namespace)
		p.objects.Sidecars = append(p.objects.Sidecars, sidecars...)
		rules, _ := r.DestinationRules(namespace, asked.keys()...)
		for _, dr := range rules {
			if asked.match(mesh.Host(dr.Spec.Host, namespace)) {
				p.objects.DestinationRules = append(p.objects.DestinationRules, dr)
			}
		}
	}
	p.index()
	// A sidecar has all hosts of a virtual service on each port that one of the hosts has.
	hosts := append(slices.Clone(q.hosts), slices.Sorted(maps.Keys(p.routing))...)
	asked.add(hosts...)
	p.known(asked)
	p.assume(hosts, q.ports)
	p.mesh = sync.OnceValues(func() (*mesh.Mesh, error) { return mesh.New(p.objects) })
	return p
}

// index makes lookups of objects fast.
func (p *part) index() {
	p.routing, p.ruling, p.workloads = map[host.Name][]*networking.VirtualService{}, map[host.Name][]*networking.DestinationRule{}, map[string][]map[string]string{}
	for _, vs := range p.objects.VirtualServices {
		for _, h := range unique(hostsOf(vs)) {
			p.routing[h] = append(p.routing[h], vs)
		}
	}
	for _, dr := range p.objects.DestinationRules {
		h := mesh.Host(dr.Spec.Host, dr.Namespace)
		p.ruling[h] = append(p.ruling[h], dr)
		set := dr.Spec.GetWorkloadSelector().GetMatchLabels()
		if set != nil && !slices.ContainsFunc(p.workloads[dr.Namespace], func(other map[string]string) bool { return maps.Equal(other, set) }) {
			p.workloads[dr.Namespace] = append(p.workloads[dr.Namespace], set)
		}
	}
}

func unique[S ~string](all []S) []S {
	all = slices.Clone(all)
	slices.Sort(all)
	return slices.Compact(all)
}

// virtualServices adds the virtual services for the hosts, and their delegates.
func (p *part) virtualServices(connections bool, asked *names) {
	delegates := map[string]*networking.VirtualService{}
	keys := asked.keys()
	if keys != nil {
		keys = append(keys, isDelegate)
		if connections {
			keys = append(keys, forConnections)
		}
	}
	for _, vs := range of(p.namespaces, p.VirtualServices, keys...) {
		if len(vs.Spec.Hosts) == 0 {
			delegates[nameOf(vs).String()] = vs
		} else if connections && len(vs.Spec.Tcp)+len(vs.Spec.Tls) > 0 || asked.match(hostsOf(vs)...) {
			p.objects.VirtualServices = append(p.objects.VirtualServices, vs)
		}
	}
	for _, vs := range p.objects.VirtualServices {
		for _, rule := range vs.Spec.Http {
			if name := delegateName(rule.Delegate, vs.Namespace).String(); delegates[name] != nil {
				p.objects.VirtualServices = append(p.objects.VirtualServices, delegates[name])
				delete(delegates, name)
			}
		}
	}
}

// gateways adds the gateways of the part's namespaces, and all others that may have the same proxies.
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

// known adds the Services and service entries that have the hosts.
func (p *part) known(asked *names) {
	namespaces := slices.Clone(p.namespaces)
	for h := range asked.exact {
		if s, ok := service(h); ok {
			namespaces = append(namespaces, s.Namespace)
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
	p.objects.Services = append(p.objects.Services, web)
	p.services, p.entries = map[host.Name]*corev1.Service{}, map[host.Name][]*networking.ServiceEntry{}
	for _, namespace := range unique(namespaces) {
		if strings.Trim(namespace, ".*~") == "" { // from a Sidecar
			continue
		}
		services, _ := p.Services(namespace)
		web := map[string]bool{} // by exportTo, whether it has a Service on port 80; a sidecar that knows one listens there for all hosts
		for _, s := range services {
			to := s.Annotations[annotation.NetworkingExportTo.Name]
			is80 := !web[to] && slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == 80 })
			web[to] = web[to] || is80
			if h := mesh.Host(s.Name, s.Namespace); is80 || asked.match(h) {
				p.objects.Services = append(p.objects.Services, s)
				p.services[h] = s
			}
		}
	}
	for _, e := range of(p.namespaces, p.ServiceEntries, asked.keys()...) {
		hosts := slices.DeleteFunc(slices.Clone(e.Spec.Hosts), func(h string) bool { return !asked.match(host.Name(h)) })
		switch {
		case len(hosts) == len(e.Spec.Hosts):
			p.entry(e)
		case len(hosts) > 0: // the entry may have hundreds of other hosts
			some := e.DeepCopy()
			some.Spec.Hosts = hosts
			p.entry(some)
		}
	}
}

func (p *part) entry(e *networking.ServiceEntry) {
	p.objects.ServiceEntries = append(p.objects.ServiceEntries, e)
	for _, h := range e.Spec.Hosts {
		p.entries[host.Name(h)] = append(p.entries[host.Name(h)], e)
	}
}

// having returns the hosts of the part that h matches.
func (p *part) having(h host.Name) (all host.Names) {
	if !h.IsWildCarded() {
		if p.services[h] != nil || p.entries[h] != nil {
			all = append(all, h)
		}
		return all
	}
	for name := range p.services {
		if name.SubsetOf(h) {
			all = append(all, name)
		}
	}
	for name := range p.entries {
		if name.SubsetOf(h) {
			all = append(all, name)
		}
	}
	return unique(all)
}

// assume adds a service entry for each host that is assumed to exist.
func (p *part) assume(hosts host.Names, ports []int) {
	p.assumed = map[host.Name]bool{}
	ports = append(slices.Clone(ports), 80)
	slices.Sort(ports)
	ports = slices.DeleteFunc(slices.Compact(ports), func(port int) bool { return port == 0 })
	for _, h := range hosts {
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
		p.entry(e)
	}
}

func (p *part) assumes(h host.Name) bool { return p.assumed[h] }

// hostsOf returns the full names of the hosts of a virtual service.
func hostsOf(vs *networking.VirtualService) (all host.Names) {
	for _, h := range vs.Spec.Hosts {
		all = append(all, mesh.Host(h, vs.Namespace))
	}
	return all
}

// web is a service on port 80. Every mesh has some.
var web = &corev1.Service{
	ObjectMeta: metav1.ObjectMeta{Namespace: elsewhere, Name: "web"},
	Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 80}}},
}

// config returns the configuration of a proxy, or nil if it is unknown.
func (p *part) config(proxy mesh.Proxy) *mesh.Config {
	m, err := p.mesh()
	if err != nil {
		return nil
	}
	c, err := m.Config(proxy)
	if err != nil {
		return nil
	}
	return c
}

// service returns the Service of the host, or nil if none is known.
func (p *part) service(h host.Name) *corev1.Service { return p.services[h] }

// pods returns how many of the Service's pods have these labels. It returns false if that is unknown.
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
