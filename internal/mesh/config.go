package mesh

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcp "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	"istio.io/api/networking/v1alpha3"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pkg/config/host"
	"istio.io/istio/pkg/wellknown"
	"k8s.io/apimachinery/pkg/types"
)

// Proxy is a proxy to which a control plane sends configuration.
type Proxy struct {
	Gateway   bool // false for a sidecar
	Namespace string
	Labels    map[string]string
}

// Config is the configuration of a proxy.
type Config struct {
	Listeners []*listener.Listener
	Routes    map[string]*route.RouteConfiguration // by name
	Clusters  map[string]bool                      // by name

	node  *model.Proxy
	rules rules
}

// Config returns the configuration of the proxy.
func (m *Mesh) Config(p Proxy) (c *Config, err error) {
	defer recovered(&err)
	m.mu.Lock()
	defer m.mu.Unlock()
	key, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	if c, ok := m.proxies[string(key)]; ok {
		return c, nil
	}
	node := &model.Proxy{
		Type: model.SidecarProxy, ID: "proxy." + p.Namespace, IPAddresses: []string{"192.0.2.1"}, DNSDomain: p.Namespace + ".svc." + Domain,
		ConfigNamespace: p.Namespace, Labels: p.Labels, IstioVersion: model.MaxIstioVersion,
		Metadata: &model.NodeMetadata{Namespace: p.Namespace, Labels: p.Labels, ClusterID: cluster},
	}
	if p.Gateway {
		node.Type = model.Router
	}
	node.SetSidecarScope(m.push)
	node.SetServiceTargets(m.env.ServiceDiscovery)
	node.SetGatewaysForProxy(m.push)
	node.DiscoverIPMode()

	c = &Config{Routes: map[string]*route.RouteConfiguration{}, Clusters: map[string]bool{}, node: node}
	c.Listeners = m.core.BuildListeners(node, m.push)
	slices.SortFunc(c.Listeners, func(a, b *listener.Listener) int { return strings.Compare(a.GetName(), b.GetName()) }) // pilot keeps them in a map
	request := &model.PushRequest{Push: m.push}
	routes, _ := m.core.BuildHTTPRoutes(node, request, c.RouteNames())
	for _, r := range routes {
		routes := &route.RouteConfiguration{}
		if err := r.GetResource().UnmarshalTo(routes); err != nil {
			return nil, err
		}
		c.Routes[r.GetName()] = routes
	}
	clusters, _ := m.core.BuildClusters(node, request)
	for _, r := range clusters {
		c.Clusters[r.GetName()] = true
	}
	m.proxies[string(key)] = c
	return c, nil
}

// RouteNames returns the names of the route configurations that the listeners use.
func (c *Config) RouteNames() (names []string) {
	for _, l := range c.Listeners {
		for _, chain := range chains(l) {
			if http := httpOf(chain); http.GetRds() != nil {
				names = append(names, http.GetRds().GetRouteConfigName())
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func chains(l *listener.Listener) []*listener.FilterChain {
	if l.GetDefaultFilterChain() == nil {
		return l.GetFilterChains()
	}
	return append(slices.Clone(l.GetFilterChains()), l.GetDefaultFilterChain())
}

// httpOf returns the HTTP connection manager of a filter chain, or nil if the chain forwards connections.
func httpOf(chain *listener.FilterChain) *hcm.HttpConnectionManager {
	for _, f := range chain.GetFilters() {
		if http := (&hcm.HttpConnectionManager{}); f.GetName() == wellknown.HTTPConnectionManager && f.GetTypedConfig().UnmarshalTo(http) == nil {
			return http
		}
	}
	return nil
}

// ConnectionOf returns the TCP proxy of a filter chain, or nil if the chain handles requests.
func ConnectionOf(chain *listener.FilterChain) *tcp.TcpProxy {
	for _, f := range chain.GetFilters() {
		if tcp := (&tcp.TcpProxy{}); f.GetName() == wellknown.TCPProxy && f.GetTypedConfig().UnmarshalTo(tcp) == nil {
			return tcp
		}
	}
	return nil
}

// Cluster is the destination of a route.
type Cluster struct {
	Host   host.Name
	Subset string
	Port   int
}

// ClusterOf parses pilot's name of a cluster. It returns false if the cluster is not for a host.
func ClusterOf(name string) (Cluster, bool) {
	if !strings.HasPrefix(name, string(model.TrafficDirectionOutbound)+"|") {
		return Cluster{}, false
	}
	_, subset, h, port := model.ParseSubsetKey(name)
	return Cluster{Host: h, Subset: subset, Port: port}, true
}

// Name returns pilot's name of the cluster.
func (c Cluster) Name() string {
	return model.BuildSubsetKey(model.TrafficDirectionOutbound, c.Subset, c.Host, c.Port)
}

// Rule is a rule of a virtual service.
type Rule struct {
	VirtualService types.NamespacedName
	HTTP           bool
	Index          int // of an HTTP rule, otherwise unknown
	Delegated      int // index of the delegate's rule, or -1
}

// Field returns the rule's field in its object, such as "spec.http[1]".
func (r Rule) Field() string { return fmt.Sprintf("spec.http[%d]", r.Index) }

// Served is a rule in a proxy's configuration.
type Served struct {
	Rule
	Port     int
	Domains  []string     // of requests, or SNI hosts of connections
	Route    *route.Route // of requests
	Before   []Served     // rules that take precedence for requests to the same domains
	Clusters []string     // its destinations
	Unused   bool         // nobody sends such requests
}

var configOf = regexp.MustCompile(`^/apis/networking\.istio\.io/[^/]+/namespaces/([^/]+)/virtual-service/(.+)$`)

// RuleOf returns the rule of a route. It returns false if the route does not come from a virtual service.
func RuleOf(r *route.Route) (Rule, bool) {
	found := configOf.FindStringSubmatch(r.GetMetadata().GetFilterMetadata()["istio"].GetFields()["config"].GetStringValue())
	if found == nil {
		return Rule{}, false
	}
	rule := Rule{VirtualService: types.NamespacedName{Namespace: found[1], Name: found[2]}, HTTP: true, Delegated: -1}
	name, _, _ := strings.Cut(r.GetName(), ".")
	root, delegate, delegated := strings.Cut(name, "-")
	var err error
	if rule.Index, err = strconv.Atoi(root); err != nil {
		return Rule{}, false
	}
	if delegated {
		if rule.Delegated, err = strconv.Atoi(delegate); err != nil {
			return Rule{}, false
		}
	}
	return rule, true
}

// rules are the rules of a proxy, which are read on first use.
type rules struct {
	once  sync.Once
	ports map[host.Name][]int // of hosts that the proxy knows
	all   []Served
	of    map[types.NamespacedName][]Served // by virtual service
	at    map[string][]Served               // by domain, of requests
}

// Rules returns the rules that the proxy has.
func (c *Config) Rules() []Served { return c.read().all }

// RulesOf returns the rules of a virtual service.
func (c *Config) RulesOf(vs types.NamespacedName) []Served { return c.read().of[vs] }

// RulesAt returns the rules for requests to a domain, in their order, at all ports.
func (c *Config) RulesAt(domain string) []Served { return c.read().at[domain] }

func (c *Config) read() *rules {
	r := &c.rules
	r.once.Do(func() {
		r.ports = map[host.Name][]int{}
		for name := range c.Clusters {
			if cluster, ok := ClusterOf(name); ok && cluster.Subset == "" {
				r.ports[cluster.Host] = append(r.ports[cluster.Host], cluster.Port)
			}
		}
		for _, ports := range r.ports {
			slices.Sort(ports)
		}
		r.all = r.served(c)
		r.of, r.at = map[types.NamespacedName][]Served{}, map[string][]Served{}
		for _, s := range r.all {
			r.of[s.VirtualService] = append(r.of[s.VirtualService], s)
			if s.HTTP {
				for _, domain := range s.Domains {
					r.at[domain] = append(r.at[domain], s)
				}
			}
		}
	})
	return r
}

func (r *rules) served(c *Config) (all []Served) {
	seen := map[string]bool{}
	for _, l := range c.Listeners {
		port := int(l.GetAddress().GetSocketAddress().GetPortValue())
		for _, chain := range chains(l) {
			if http := httpOf(chain); http != nil {
				if name := http.GetRds().GetRouteConfigName(); name != "" && !seen[name] {
					seen[name] = true
					all = append(all, r.requests(port, c.Routes[name])...)
				}
				continue
			}
			proxy := ConnectionOf(chain)
			of, ok := CountedFor(proxy)
			if !ok {
				continue
			}
			served := Served{
				Rule: Rule{VirtualService: of, Delegated: -1}, Port: port, Domains: chain.GetFilterChainMatch().GetServerNames(),
			}
			for _, w := range proxy.GetWeightedClusters().GetClusters() {
				served.Clusters = append(served.Clusters, w.GetName())
			}
			all = append(all, served)
		}
	}
	return all
}

// CountedFor returns the virtual service that routes a connection. It returns false if there is none.
func CountedFor(proxy *tcp.TcpProxy) (types.NamespacedName, bool) {
	at := strings.LastIndex(proxy.GetStatPrefix(), ".")
	if at < 0 || proxy.GetWeightedClusters() == nil {
		return types.NamespacedName{}, false
	}
	return types.NamespacedName{Namespace: proxy.GetStatPrefix()[at+1:], Name: proxy.GetStatPrefix()[:at]}, true
}

// RoutesOf returns the routes of a filter chain.
func (c *Config) RoutesOf(chain *listener.FilterChain) *route.RouteConfiguration {
	http := httpOf(chain)
	if http.GetRouteConfig() != nil {
		return http.GetRouteConfig()
	}
	return c.Routes[http.GetRds().GetRouteConfigName()]
}

func (r *rules) requests(port int, routes *route.RouteConfiguration) (all []Served) {
	for _, vhost := range routes.GetVirtualHosts() {
		var here []Served
		unused := routes.GetName() == "80" && r.without80(vhost)
		for _, to := range vhost.GetRoutes() {
			if rule, ok := RuleOf(to); ok {
				here = append(here, Served{Rule: rule, Port: port, Domains: vhost.GetDomains(), Route: to, Before: here, Clusters: clustersOf(to), Unused: unused})
			}
		}
		all = append(all, here...)
	}
	return all
}

// without80 reports whether requests are to a Service that has other ports only. A sidecar has the rules for all hosts at port 80, but nobody
// calls such a Service there.
func (r *rules) without80(requests *route.VirtualHost) bool {
	h := requests.GetDomains()[0]
	ports := r.ports[host.Name(h)]
	return strings.HasSuffix(h, ".svc."+Domain) && len(ports) > 0 && !slices.Contains(ports, 80)
}

// clustersOf returns the clusters to which a route sends requests, including mirrors.
func clustersOf(r *route.Route) (names []string) {
	action := r.GetRoute()
	if name := action.GetCluster(); name != "" {
		names = append(names, name)
	}
	for _, w := range action.GetWeightedClusters().GetClusters() {
		names = append(names, w.GetName())
	}
	for _, m := range action.GetRequestMirrorPolicies() {
		names = append(names, m.GetCluster())
	}
	return names
}

// DestinationRules returns the rules that the proxy follows for the host, merged in this order.
func (c *Config) DestinationRules(h host.Name) []types.NamespacedName {
	return c.node.SidecarScope.DestinationRule(model.TrafficDirectionOutbound, c.node, h).GetFrom()
}

// Ports returns the ports at which the proxy knows the host.
func (c *Config) Ports(h host.Name) []int { return c.read().ports[h] }

// Server is a server of a gateway that selects the proxy.
type Server struct {
	Gateway types.NamespacedName
	Index   int
	Port    uint32
	Bind    string
	Hosts   []string
}

// Servers returns the servers of all gateways for which the proxy listens.
func (c *Config) Servers() (all []Server) {
	if c.node.MergedGateway == nil {
		return nil
	}
	for s, gateway := range c.node.MergedGateway.GatewayNameForServer {
		namespace, name, _ := strings.Cut(gateway, "/")
		index, err := strconv.Atoi(s.GetName())
		if err != nil || !c.listens(s) {
			continue
		}
		all = append(all, Server{
			Gateway: types.NamespacedName{Namespace: namespace, Name: name}, Index: index,
			Port: s.GetPort().GetNumber(), Bind: s.GetBind(), Hosts: s.GetHosts(),
		})
	}
	slices.SortFunc(all, func(a, b Server) int {
		return cmp.Or(strings.Compare(a.Gateway.String(), b.Gateway.String()), cmp.Compare(a.Index, b.Index))
	})
	return all
}

func (c *Config) listens(s *v1alpha3.Server) bool {
	for _, merged := range c.node.MergedGateway.MergedServers {
		if slices.Contains(merged.Servers, s) {
			return true
		}
	}
	return false
}

// Serves reports whether the proxy listens for the server with this gateway and index.
func (c *Config) Serves(s Server) bool {
	return slices.ContainsFunc(c.Servers(), func(o Server) bool { return o.Gateway == s.Gateway && o.Index == s.Index })
}
