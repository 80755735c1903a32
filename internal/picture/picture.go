// Package picture draws the routing as a Mermaid flowchart: clients, gateways, virtual services and their destinations, each in its namespace.
// It marks routes that lead nowhere, with the findings of internal/analysis.
package picture

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"istio.io/api/networking/v1alpha3"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pkg/config/constants"
	"istio.io/istio/pkg/config/host"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/magneticio/terraform-provider-lamia/internal/analysis"
	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

// drawing is a flowchart under construction.
type drawing struct {
	objects     mesh.Objects
	ids         map[string]string   // IDs of nodes by key
	nodes       map[string][]string // lines by namespace; "" for nodes outside of all namespaces
	edges       []string
	brokenNodes []string
	brokenEdges []string
}

// Draw returns the flowchart of these objects. Equal objects give the same text.
func Draw(o mesh.Objects) string {
	d := &drawing{objects: o, ids: map[string]string{}, nodes: map[string][]string{}}
	order(o.Gateways)
	order(o.VirtualServices)
	order(o.ServiceEntries)
	order(o.Services)
	for _, g := range o.Gateways {
		d.node(g.Namespace, gatewayKey(g.Namespace+"/"+g.Name), `{{"%s"}}`, "Gateway", g.Name)
	}
	for _, vs := range o.VirtualServices {
		d.node(vs.Namespace, virtualServiceKey(vs.Namespace, vs.Name), `("%s")`, "VirtualService", vs.Name)
	}
	for _, s := range o.Services {
		d.service(s.Namespace, s.Name)
	}
	for _, e := range o.ServiceEntries {
		id := d.node(e.Namespace, "ServiceEntry "+e.Namespace+"/"+e.Name, `[/"%s"/]`, append([]string{"ServiceEntry", e.Name}, e.Spec.Hosts...)...)
		for _, h := range e.Spec.Hosts {
			d.ids[hostKey(host.Name(h), "")] = id
		}
	}
	given := analysis.NewGiven(o)
	for _, g := range o.Gateways {
		d.gateway(g)
		d.notes(d.ids[gatewayKey(g.Namespace+"/"+g.Name)], g.Namespace, analysis.Gateway(given, g))
	}
	for _, vs := range o.VirtualServices {
		d.virtualService(vs, analysis.VirtualService(given, vs))
	}
	return d.String()
}

func order[T metav1.Object](all []T) {
	slices.SortFunc(all, func(a, b T) int {
		return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
	})
}

func gatewayKey(name string) string { return "Gateway " + name }
func virtualServiceKey(namespace, name string) string {
	return "VirtualService " + namespace + "/" + name
}
func hostKey(h host.Name, subset string) string { return "Host " + string(h) + " " + subset }

// service draws a Service, as a box around its subsets if there are any.
func (d *drawing) service(namespace, name string) {
	h := mesh.Host(name, namespace)
	var subsets []string
	for _, dr := range d.objects.DestinationRules {
		if mesh.Host(dr.Spec.Host, dr.Namespace) == h {
			for _, s := range dr.Spec.Subsets {
				subsets = append(subsets, s.Name)
			}
		}
	}
	slices.Sort(subsets)
	if subsets = slices.Compact(subsets); subsets == nil {
		d.node(namespace, hostKey(h, ""), `["%s"]`, "Service", name)
		return
	}
	d.ids[hostKey(h, "")] = d.next()
	d.line(namespace, `subgraph %s["%s"]`, d.ids[hostKey(h, "")], escaped("Service", name))
	for _, s := range subsets {
		d.node(namespace, hostKey(h, s), `["%s"]`, s)
	}
	d.line(namespace, "end")
}

// gateway draws a gateway and its clients.
func (d *drawing) gateway(g *networking.Gateway) {
	for _, s := range g.Spec.Servers {
		clients := d.node("", "clients", `(["%s"])`, "Clients")
		entry := fmt.Sprintf("%s %d", s.GetPort().GetProtocol(), s.GetPort().GetNumber())
		d.edge(clients, d.ids[gatewayKey(g.Namespace+"/"+g.Name)], "-->", false, append([]string{entry}, s.Hosts...)...)
	}
}

// virtualService draws the routes from its gateways to its destinations.
func (d *drawing) virtualService(vs *networking.VirtualService, findings []engine.Finding) {
	us := d.ids[virtualServiceKey(vs.Namespace, vs.Name)]
	// broken reports whether a finding is about the field or a part of it. The mark then replaces a note.
	broken := func(format string, indices ...any) bool {
		field := fmt.Sprintf(format, indices...)
		before := len(findings)
		findings = slices.DeleteFunc(findings, func(f engine.Finding) bool { return f.Field == field || strings.HasPrefix(f.Field, field+".") })
		return len(findings) < before
	}
	gateways := vs.Spec.Gateways
	if len(gateways) == 0 && len(vs.Spec.Hosts) > 0 { // without hosts it is a delegate
		gateways = []string{constants.IstioMeshGateway}
	}
	for i, name := range gateways {
		if name == constants.IstioMeshGateway {
			d.edge(d.node("", "mesh", `(["%s"])`, "Pods in the mesh"), us, "-->", false, vs.Spec.Hosts...)
			continue
		}
		namespace, _, qualified := strings.Cut(name, "/")
		if !qualified {
			namespace, name = vs.Namespace, vs.Namespace+"/"+name
		}
		d.edge(d.found(namespace, gatewayKey(name), "Gateway", strings.TrimPrefix(name, namespace+"/")), us, "-->", broken("spec.gateways[%d]", i), vs.Spec.Hosts...)
	}
	to := func(destination *v1alpha3.Destination) string { return d.destination(destination, vs.Namespace) }
	for i, rule := range vs.Spec.Http {
		match := matches(rule)
		total := int32(0)
		for _, r := range rule.Route {
			total += r.Weight
		}
		for j, r := range rule.Route {
			d.edge(us, to(r.Destination), "-->", broken("spec.http[%d].route[%d].destination", i, j), match, share(r.Weight, total, len(rule.Route)))
		}
		if rule.Mirror != nil {
			d.edge(us, to(rule.Mirror), "-.->", broken("spec.http[%d].mirror", i), match, "mirror")
		}
		for j, m := range rule.Mirrors {
			d.edge(us, to(m.Destination), "-.->", broken("spec.http[%d].mirrors[%d].destination", i, j), match, "mirror")
		}
		switch {
		case rule.Delegate != nil:
			namespace := cmp.Or(rule.Delegate.Namespace, vs.Namespace)
			delegate := d.found(namespace, virtualServiceKey(namespace, rule.Delegate.Name), "VirtualService", rule.Delegate.Name)
			d.edge(us, delegate, "-->", broken("spec.http[%d].delegate", i), match)
		case rule.Redirect != nil:
			code := cmp.Or(rule.Redirect.RedirectCode, 301)
			d.edge(us, d.node(vs.Namespace, "", `>"%s"]`, fmt.Sprintf("redirect %d", code), rule.Redirect.Authority+rule.Redirect.Uri), "-->", false, match)
		case rule.DirectResponse != nil:
			d.edge(us, d.node(vs.Namespace, "", `>"%s"]`, fmt.Sprintf("response %d", rule.DirectResponse.Status)), "-->", false, match)
		}
	}
	for i, rule := range vs.Spec.Tls {
		var names []string
		for _, m := range rule.Match {
			names = append(names, m.SniHosts...)
		}
		d.connections(us, "tls", i, "TLS "+strings.Join(names, ", "), rule.Route, to, broken)
	}
	for i, rule := range vs.Spec.Tcp {
		match := "TCP"
		for _, m := range rule.Match {
			if m.Port > 0 {
				match += fmt.Sprint(" ", m.Port)
			}
		}
		d.connections(us, "tcp", i, match, rule.Route, to, broken)
	}
	d.notes(us, vs.Namespace, findings)
}

func (d *drawing) connections(us, field string, index int, match string, routes []*v1alpha3.RouteDestination,
	to func(*v1alpha3.Destination) string, broken func(string, ...any) bool) {
	total := int32(0)
	for _, r := range routes {
		total += r.Weight
	}
	for j, r := range routes {
		d.edge(us, to(r.Destination), "-->", broken("spec.%s[%d].route[%d].destination", field, index, j), match, share(r.Weight, total, len(routes)))
	}
}

// destination returns the node of a subset, or of the host if the destination has none.
func (d *drawing) destination(to *v1alpha3.Destination, namespace string) string {
	if to.GetHost() == "" {
		return d.node(namespace, "", `["%s"]`, "Host", "known after apply")
	}
	h := mesh.Host(to.GetHost(), namespace)
	if id := d.ids[hostKey(h, to.GetSubset())]; id != "" {
		return id
	}
	name, namespace, kind := string(h), "", "Host"
	if parts := strings.Split(name, "."); len(parts) > 2 && parts[2] == "svc" {
		name, namespace, kind = parts[0], parts[1], "Service"
	}
	if d.ids[hostKey(h, "")] != "" {
		return d.found(namespace, hostKey(h, to.GetSubset()), "Subset", name+" "+to.GetSubset())
	}
	for _, e := range d.objects.ServiceEntries { // such as *.example.com
		if slices.ContainsFunc(e.Spec.Hosts, func(other string) bool { return h.SubsetOf(host.Name(other)) }) {
			return d.ids["ServiceEntry "+e.Namespace+"/"+e.Name]
		}
	}
	return d.found(namespace, hostKey(h, ""), kind, name)
}

// notes draws the remaining findings about a node.
func (d *drawing) notes(id, namespace string, findings []engine.Finding) {
	for _, f := range findings {
		note := d.node(namespace, "", `>"%s"]`, f.Summary)
		d.brokenNodes = append(d.brokenNodes, note)
		d.edge(note, id, "-.-", true)
	}
}

// found returns the node of a key, and draws a broken one if there is none.
func (d *drawing) found(namespace, key, kind, name string) string {
	if id := d.ids[key]; id != "" {
		return id
	}
	id := d.node(namespace, key, `["%s"]`, kind, name, "not found")
	d.brokenNodes = append(d.brokenNodes, id)
	return id
}

func (d *drawing) next() string { return fmt.Sprint("n", len(d.ids)) }

// node returns the node with a key, and draws it if it is new. Without a key, it always draws a new node.
func (d *drawing) node(namespace, key, shape string, lines ...string) string {
	if id := d.ids[key]; id != "" {
		return id
	}
	id := d.next()
	d.ids[cmp.Or(key, id)] = id
	d.line(namespace, "%s"+shape, id, escaped(lines...))
	return id
}

func (d *drawing) line(namespace, format string, args ...any) {
	d.nodes[namespace] = append(d.nodes[namespace], fmt.Sprintf(format, args...))
}

func (d *drawing) edge(from, to, arrow string, broken bool, label ...string) {
	if broken {
		d.brokenEdges = append(d.brokenEdges, fmt.Sprint(len(d.edges)))
	}
	if text := escaped(label...); text != "" {
		arrow += `|"` + text + `"|`
	}
	d.edges = append(d.edges, from+" "+arrow+" "+to)
}

// String returns the flowchart in Mermaid's syntax.
func (d *drawing) String() string {
	lines := append([]string{"flowchart LR"}, d.nodes[""]...)
	for i, namespace := range slices.Sorted(maps.Keys(d.nodes)) {
		if namespace != "" {
			lines = append(lines, fmt.Sprintf(`subgraph namespace%d["%s"]`, i, escaped("Namespace "+namespace)))
			lines = append(append(lines, d.nodes[namespace]...), "end")
		}
	}
	lines = append(lines, d.edges...)
	if len(d.brokenNodes) > 0 {
		lines = append(lines, "classDef broken stroke:#c00,color:#c00,stroke-dasharray:4", "class "+strings.Join(d.brokenNodes, ",")+" broken")
	}
	if len(d.brokenEdges) > 0 {
		lines = append(lines, "linkStyle "+strings.Join(d.brokenEdges, ",")+" stroke:#c00,color:#c00")
	}
	return strings.Join(indented(lines), "\n") + "\n"
}

func indented(lines []string) []string {
	depth := 0
	for i, line := range lines {
		if line == "end" {
			depth--
		}
		lines[i] = strings.Repeat("  ", depth) + line
		if i == 0 || strings.HasPrefix(line, "subgraph ") {
			depth++
		}
	}
	return lines
}
