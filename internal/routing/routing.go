// Package routing finds out what happens to a request: like a proxy, it follows the configuration that Istio creates from objects
// (internal/mesh).
package routing

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

// Request is a request to a proxy.
type Request struct {
	Gateway   string // <namespace>/<name> of the Gateway that receives the request; "" if a sidecar sends it
	Namespace string // of the proxy; default the gateway's
	Labels    map[string]string
	Protocol  string // "http", "https", "tls" or "tcp"
	Host      string
	Port      int
	Method    string
	Path      string // with the query
	Headers   map[string]string
	SNI       string
}

// The outcomes of a request.
const (
	Forwarded   = "forwarded"
	Redirected  = "redirected"
	Answered    = "answered"    // by the proxy itself, as the rule configures
	Passed      = "passed"      // to its original destination, because no rule applies
	Refused     = "refused"     // there is no listener, or none for this host
	NotFound    = "not_found"   // 404
	Unavailable = "unavailable" // 503
)

// Result is what happens to a request.
type Result struct {
	Outcome        string
	Status         int // of the response if the proxy itself sends it, otherwise 0
	Reason         string
	Destinations   []Destination
	Mirrors        []Destination
	VirtualService string // the virtual service that applies
	Rule           int    // index of its rule, or -1
	Later          []Rule // later rules that the request matches, too
	Path           string // the path that the destination receives
	Host           string
	Redirect       string
	Body           string
	Timeout        string
	Retries        *Retries
	Fault          *Fault
}

// Destination is a destination of requests.
type Destination struct {
	Host   string
	Subset string
	Port   int
	Share  float64 // share of requests, from 0 to 1
	Exists bool
}

// Rule is a rule of a virtual service.
type Rule struct {
	VirtualService string
	Rule           int
}

// Retries are the retries of a failed request.
type Retries struct {
	Attempts      int
	On            string
	PerTryTimeout string
}

// Fault is an injected fault.
type Fault struct {
	Delay      string
	DelayShare float64
	Abort      int
	AbortShare float64
}

// Route returns what happens to a request in a cluster with these objects.
func Route(o mesh.Objects, r Request) (Result, error) {
	o.Services = addressed(o.Services)
	m, err := mesh.New(o)
	if err != nil {
		return Result{}, err
	}
	proxy := mesh.Proxy{Namespace: r.Namespace, Labels: r.Labels}
	if r.Gateway != "" {
		i := slices.IndexFunc(o.Gateways, func(g *networking.Gateway) bool { return g.Namespace+"/"+g.Name == r.Gateway })
		if i < 0 {
			return Result{Outcome: Refused, Reason: fmt.Sprintf("The Gateway %q does not exist.", r.Gateway), Rule: -1}, nil
		}
		proxy.Gateway = true
		if proxy.Labels == nil {
			proxy.Labels = o.Gateways[i].Spec.Selector
		}
		if proxy.Namespace == "" {
			proxy.Namespace = o.Gateways[i].Namespace
		}
	}
	c, err := m.Config(proxy)
	if err != nil {
		return Result{}, err
	}
	return Follow(c, r, address(o, r)), nil
}

// addressed returns the Services with cluster IPs, as the API server assigns them.
func addressed(all []*corev1.Service) (with []*corev1.Service) {
	next := netip.MustParseAddr("198.18.0.1")
	for _, s := range all {
		if s.Spec.ClusterIP == "" && s.Spec.Type != corev1.ServiceTypeExternalName {
			s = s.DeepCopy()
			s.Spec.ClusterIP = next.String()
			next = next.Next()
		}
		with = append(with, s)
	}
	return with
}

// address returns the address to which a client sends a request for the host, or "" if it is unknown.
func address(o mesh.Objects, r Request) string {
	h := mesh.Host(r.Host, r.Namespace)
	for _, s := range o.Services {
		if mesh.Host(s.Name, s.Namespace) == h {
			return s.Spec.ClusterIP
		}
	}
	for _, e := range o.ServiceEntries {
		if slices.Contains(e.Spec.Hosts, string(h)) && len(e.Spec.Addresses) > 0 {
			return e.Spec.Addresses[0]
		}
	}
	return ""
}

// Follow returns what a proxy with this configuration does with a request to the address.
func Follow(c *mesh.Config, r Request, address string) Result {
	l := listenerFor(c, r, address)
	if l == nil && r.Gateway != "" {
		return Result{Outcome: Refused, Rule: -1, Reason: fmt.Sprintf("Nothing listens on port %d: no server of a Gateway with these proxies has this port, or "+
			"no virtual service uses it.", r.Port)}
	}
	if l == nil {
		return Result{Outcome: Passed, Rule: -1, Reason: fmt.Sprintf("No service that the sidecar can see has port %d.", r.Port)}
	}
	chain := chainFor(l, r, address)
	if chain == nil {
		return Result{Outcome: Refused, Rule: -1, Reason: fmt.Sprintf("The listener on port %d does not accept %s for %q.", r.Port, strings.ToUpper(r.Protocol), r.sni())}
	}
	if proxy := mesh.ConnectionOf(chain); proxy != nil {
		result := Result{Rule: -1}
		if vs, ok := mesh.CountedFor(proxy); ok {
			result.VirtualService = vs.String()
		}
		weights := map[string]uint32{}
		for _, w := range proxy.GetWeightedClusters().GetClusters() {
			weights[w.GetName()] += w.GetWeight()
		}
		if name := proxy.GetCluster(); name != "" {
			weights[name] = 1
		}
		return result.forwarded(c, weights)
	}
	routes := c.RoutesOf(chain)
	vhost := hostFor(routes, r.Host)
	if vhost == nil {
		return Result{Outcome: NotFound, Status: 404, Rule: -1, Reason: fmt.Sprintf("No virtual service has rules for host %q here.", r.Host)}
	}
	if vhost.GetRequireTls() == route.VirtualHost_ALL && r.Protocol == "http" {
		return Result{Outcome: Redirected, Status: 301, Rule: -1, Redirect: "https://" + r.Host + r.Path, Reason: "The server of the gateway redirects to HTTPS."}
	}
	return r.follow(c, vhost.GetRoutes())
}

func (r Request) sni() string {
	if r.SNI != "" {
		return r.SNI
	}
	return r.Host
}

// listenerFor returns the listener for the connection: the one on the address and port, or else the one on the port of all addresses.
func listenerFor(c *mesh.Config, r Request, address string) (found *listener.Listener) {
	for _, l := range c.Listeners {
		socket := l.GetAddress().GetSocketAddress()
		if int(socket.GetPortValue()) != r.Port || l.GetTrafficDirection().String() == "INBOUND" {
			continue
		}
		all, err := netip.ParseAddr(socket.GetAddress())
		switch {
		case address != "" && socket.GetAddress() == address:
			return l
		case err == nil && all.IsUnspecified():
			found = l
		}
	}
	return found
}

// chainFor returns the filter chain of a listener for the connection: the best match by destination, then by name, then by protocol.
func chainFor(l *listener.Listener, r Request, address string) *listener.FilterChain {
	encrypted := r.Protocol == "https" || r.Protocol == "tls"
	var best *listener.FilterChain
	rank := -1
	for _, chain := range l.GetFilterChains() {
		m := chain.GetFilterChainMatch()
		score := 0
		if ranges := m.GetPrefixRanges(); len(ranges) > 0 {
			bits := longest(ranges, address)
			if bits < 0 {
				continue
			}
			score += (bits + 1) * 10000
		}
		if names := m.GetServerNames(); len(names) > 0 {
			length := named(names, r.sni())
			if !encrypted || length < 0 {
				continue
			}
			score += (length + 1) * 10
		}
		if t := m.GetTransportProtocol(); t != "" {
			if (t == "tls") != encrypted {
				continue
			}
			score += 2
		}
		if p := m.GetApplicationProtocols(); len(p) > 0 {
			if r.Protocol != "http" || !slices.Contains(p, "http/1.1") {
				continue
			}
			score++
		}
		if score > rank {
			best, rank = chain, score
		}
	}
	if best == nil {
		best = l.GetDefaultFilterChain()
	}
	return best
}

// named returns the length of the part of a name that one of these matches, or -1 if none matches.
func named(names []string, name string) (length int) {
	length = -1
	for _, n := range names {
		if n == name {
			return 1 << 8
		}
		if suffix, ok := strings.CutPrefix(n, "*"); ok && strings.HasSuffix(name, suffix) {
			length = max(length, len(suffix))
		}
	}
	return length
}

// hostFor returns the virtual host for a request: by its exact name, or by the longest wildcard.
func hostFor(routes *route.RouteConfiguration, name string) (best *route.VirtualHost) {
	name = strings.ToLower(name)
	if routes.GetIgnorePortInHostMatching() {
		if before, _, ok := strings.Cut(name, ":"); ok {
			name = before
		}
	}
	rank := -1
	for _, vhost := range routes.GetVirtualHosts() {
		for _, domain := range vhost.GetDomains() {
			domain = strings.ToLower(domain)
			score := -1
			switch {
			case domain == name:
				score = 1 << 20
			case domain == "*":
				score = 0
			case strings.HasPrefix(domain, "*") && strings.HasSuffix(name, domain[1:]) && len(name) >= len(domain):
				score = 1<<10 + len(domain)
			case strings.HasSuffix(domain, "*") && strings.HasPrefix(name, domain[:len(domain)-1]) && len(name) >= len(domain):
				score = len(domain)
			}
			if score > rank {
				best, rank = vhost, score
			}
		}
	}
	return best
}

// forwarded sets the destinations of requests.
func (result Result) forwarded(c *mesh.Config, weights map[string]uint32) Result {
	var total uint32
	for _, w := range weights {
		total += w
	}
	for name, w := range weights {
		if w == 0 {
			continue
		}
		d, known := destination(c, name)
		if !known {
			result.Outcome, result.Reason = Passed, "No rule applies, and the sidecar passes the request on unchanged."
			if name == "BlackHoleCluster" {
				result.Outcome, result.Status, result.Reason = Unavailable, 502, "No rule applies, and the sidecar blocks unknown destinations."
			}
			return result
		}
		d.Share = float64(w) / float64(total)
		result.Destinations = append(result.Destinations, d)
	}
	slices.SortFunc(result.Destinations, func(a, b Destination) int {
		return strings.Compare(fmt.Sprint(a.Host, a.Subset, a.Port), fmt.Sprint(b.Host, b.Subset, b.Port))
	})
	result.Outcome = Forwarded
	var lost []string
	for _, d := range result.Destinations {
		if !d.Exists {
			lost = append(lost, d.String())
		}
	}
	if len(lost) > 0 {
		result.Reason = fmt.Sprintf("There is no %s: requests to it fail with 503.", strings.Join(lost, ", and no "))
	}
	if len(lost) == len(result.Destinations) {
		result.Outcome, result.Status = Unavailable, 503
	}
	return result
}

func (d Destination) String() string {
	if d.Subset == "" {
		return fmt.Sprintf("port %d of host %q", d.Port, d.Host)
	}
	return fmt.Sprintf("subset %q for port %d of host %q", d.Subset, d.Port, d.Host)
}

func destination(c *mesh.Config, name string) (Destination, bool) {
	cluster, ok := mesh.ClusterOf(name)
	return Destination{Host: string(cluster.Host), Subset: cluster.Subset, Port: cluster.Port, Exists: c.Clusters[name]}, ok
}

func ruleOf(r *route.Route) (types.NamespacedName, int) {
	rule, ok := mesh.RuleOf(r)
	if !ok {
		return types.NamespacedName{}, -1
	}
	return rule.VirtualService, rule.Index
}
