package analysis

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"istio.io/api/networking/v1alpha3"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pilot/pkg/networking/core/route"
	"istio.io/istio/pkg/config/host"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

// VirtualService finds the parts of a stored virtual service that have no effect, or another effect than it seems.
func VirtualService(r Reader, vs *networking.VirtualService) (findings []engine.Finding) {
	if len(vs.Spec.Hosts) == 0 {
		for _, root := range roots(r, nameOf(vs)) {
			findings = append(findings, asked(r, root, vs).nowhere()...)
		}
		return once(findings)
	}
	a := asked(r, vs, vs)
	findings = slices.Concat(a.part.missingGateways(vs, a.spec), a.part.lostDelegates(vs), a.nowhere())
	hidden := a.hidden()
	return once(slices.Concat(findings, hidden, a.unserved(hidden)))
}

// virtualService is the virtual service to analyze, with the objects that concern it.
type virtualService struct {
	part     *part
	object   *networking.VirtualService // the object to report findings about
	root     *networking.VirtualService // the object whose rules proxies get: the same one, unless it is a delegate
	spec     *v1alpha3.VirtualService   // of the root, with full names
	places   []place
	complete bool
}

func asked(r Reader, root, vs *networking.VirtualService) *virtualService {
	a := &virtualService{object: vs, root: root, spec: resolved(root)}
	q := questionOf(r, root, a.spec)
	if root != vs {
		q.and(questionOf(r, vs, resolved(vs)))
	}
	a.part = ask(r, vs.Namespace, q)
	a.places, a.complete = a.part.places(root, a.spec)
	return a
}

// index returns the index of a rule in the object, or -1 if the rule belongs to another object.
func (a *virtualService) index(s mesh.Served) int {
	delegates := s.HTTP && s.Index < len(a.spec.Http) && a.spec.Http[s.Index].Delegate != nil
	switch {
	case s.VirtualService != nameOf(a.root):
		return -1
	case a.root == a.object && !delegates:
		return s.Index
	case a.root != a.object && delegates && delegateName(a.spec.Http[s.Index].Delegate, a.root.Namespace) == nameOf(a.object):
		return s.Delegated
	}
	return -1
}

// nowhere finds routes to destinations that do not exist.
func (a *virtualService) nowhere() (findings []engine.Finding) {
	for _, where := range a.places {
		findings = append(findings, a.part.said(where, a.nowhereIn)...)
	}
	return append(once(findings), a.podless(findings)...)
}

func (a *virtualService) nowhereIn(v view) (findings []engine.Finding) {
	for _, s := range v.RulesOf(nameOf(a.root)) {
		index := a.index(s)
		if index < 0 || s.Unused {
			continue
		}
		for _, name := range s.Clusters {
			if c, ok := mesh.ClusterOf(name); ok && !v.Clusters[name] {
				findings = append(findings, a.lost(v, s, index, c)...)
			}
		}
	}
	return findings
}

// lost reports what is missing for a route to a cluster that does not exist, at the destinations that mean this cluster.
func (a *virtualService) lost(v view, s mesh.Served, index int, c mesh.Cluster) (findings []engine.Finding) {
	us := quoted("VirtualService", nameOf(a.object))
	for _, d := range destinations(&a.object.Spec) {
		if mesh.Host(d.GetHost(), a.object.Namespace) != c.Host || d.GetSubset() != c.Subset ||
			d.GetPort() != nil && int(d.GetPort().GetNumber()) != c.Port || strings.HasPrefix(d.field, "spec.http") != s.HTTP ||
			s.HTTP && !strings.HasPrefix(d.field, at("spec.http[%d].", index)) {
			continue
		}
		field, summary, detail, known := a.missing(v, d, c)
		if known {
			findings = append(findings, engine.Finding{
				Field: d.field + field, Summary: fmt.Sprintf("%s routes to %s, which does not exist", us, summary),
				Detail: detail + " Requests to it fail with 503.",
			})
		}
	}
	return findings
}

// missing says what a proxy lacks to have a cluster. It returns false if an unknown object may provide it.
func (a *virtualService) missing(v view, d destination, c mesh.Cluster) (field, summary, detail string, known bool) {
	us := a.object.Namespace
	ports := v.Ports(c.Host)
	switch {
	case len(ports) == 0:
		where, known := a.part.unknownHost(c.Host)
		return ".host", fmt.Sprintf("host %q", d.GetHost()), where + fmt.Sprintf(" visible to %s. Create one, or correct the host: a name without dots is a "+
			"Service in namespace %q.", v.seenFrom(), us), known
	case !slices.Contains(ports, c.Port):
		assumed := a.part.assumes(c.Host)
		field, what := "", "the destination sets no port, so Istio uses the port of the request"
		if d.GetPort() != nil {
			field, what = ".port", "correct the number"
		}
		return field, fmt.Sprintf("port %d of %q", c.Port, d.GetHost()), fmt.Sprintf("Host %q has the ports %v: %s.", d.GetHost(), ports, what), !assumed
	}
	rules := v.DestinationRules(c.Host)
	for _, name := range rules {
		dr := find(a.part.objects.DestinationRules, name)
		for _, s := range dr.Spec.GetSubsets() {
			if s.GetName() == d.GetSubset() { // Istio itself resolves the endpoints of such a host with DNS
				return ".subset", fmt.Sprintf("the subset %q of %q", d.GetSubset(), d.GetHost()), fmt.Sprintf("%s has the subset, but no endpoint of the ServiceEntry for the host has its labels: %s. "+
					"Give the labels to endpoints of the ServiceEntry, or take them from the subset.", quoted("DestinationRule", name), labels.Set(s.GetLabels())), a.part.rulesKnown(v, c.Host, rules)
			}
		}
	}
	there := []string{"has no DestinationRule yet"}
	if len(rules) > 0 {
		there = nil
	}
	for _, name := range rules {
		there = append(there, fmt.Sprintf("follows %s, which has %s", quoted("DestinationRule", name), a.part.subsetsOf(find(a.part.objects.DestinationRules, name))))
	}
	return ".subset", fmt.Sprintf("the subset %q of %q", d.GetSubset(), d.GetHost()), fmt.Sprintf("For host %q %s %s%s. "+
		"Add the subset to a DestinationRule, or correct the name.", d.GetHost(), v.seenFrom(), strings.Join(there, ", and "), a.part.unless(v)), a.part.rulesKnown(v, c.Host, rules)
}

// unknownHost says that no object has the host. It returns false if that is not certain.
func (p *part) unknownHost(h host.Name) (says string, known bool) {
	_, everywhere := p.ServiceEntries("")
	s, ok := service(h)
	if !ok {
		return fmt.Sprintf("There is no ServiceEntry for host %q", h), everywhere
	}
	_, services := p.Services(s.Namespace)
	_, entries := within(s.Namespace, p.ServiceEntries)
	return fmt.Sprintf("There is no %s and no ServiceEntry for host %q", quoted("Service", s), h), services && (entries || everywhere)
}

// rulesKnown reports whether all rules that the proxy may follow for the host are known, except those in the mesh's root namespace.
func (p *part) rulesKnown(v view, h host.Name, rules []types.NamespacedName) bool {
	namespaces := []string{}
	if !v.anywhere {
		namespaces = append(namespaces, v.Namespace)
	}
	if len(rules) == 0 || rules[0].Namespace != v.Namespace { // rules in the proxy's namespace take precedence over all others
		if s, ok := service(h); ok {
			namespaces = append(namespaces, s.Namespace)
		}
		for _, e := range p.entries[h] {
			namespaces = append(namespaces, e.Namespace)
		}
	}
	return !slices.ContainsFunc(namespaces, func(namespace string) bool {
		_, known := p.DestinationRules(namespace)
		return !known || namespace == elsewhere
	})
}

// unless names the namespaces that may have a rule but cannot be read.
func (p *part) unless(v view) string {
	_, known := p.DestinationRules(p.Settings().Root())
	switch {
	case v.anywhere:
		return ", unless the namespace of the proxy has one"
	case !known:
		return fmt.Sprintf(", unless namespace %q, which cannot be read, has one for all", p.Settings().Root())
	}
	return ""
}

func (p *part) subsetsOf(dr *networking.DestinationRule) string {
	var names []string
	for _, s := range dr.Spec.Subsets {
		names = append(names, s.GetName())
	}
	if names == nil {
		return "no subsets"
	}
	return "the subsets " + list(names)
}

// hidden finds rules that another virtual service for the host overrides, or that override its rules.
func (a *virtualService) hidden() (findings []engine.Finding) {
	for _, where := range a.places {
		findings = append(findings, a.part.said(where, a.hiddenIn)...)
	}
	return once(findings)
}

func (a *virtualService) hiddenIn(v view) (findings []engine.Finding) {
	us := nameOf(a.root)
	say := func(field string, other types.NamespacedName, effect string) {
		findings = append(findings, engine.Finding{
			Field:   field,
			Summary: fmt.Sprintf("%s and %s have the same host %s", quoted("VirtualService", us), quoted("VirtualService", other), v.where),
			Detail:  effect + " Merge the rules into one VirtualService in the right order, or give each its own host.",
		})
	}
	domains := map[string]bool{}
	for _, s := range v.RulesOf(us) {
		if s.HTTP {
			domains[s.Domains[0]] = true
		}
	}
	for _, domain := range slices.Sorted(maps.Keys(domains)) {
		for _, s := range v.RulesAt(domain) {
			i := slices.IndexFunc(s.Before, func(before mesh.Served) bool {
				return before.VirtualService != s.VirtualService && mesh.Covers(before.Route, s.Route)
			})
			if i < 0 {
				continue
			}
			first := s.Before[i].Rule
			if other, ours := otherOf(us, first.VirtualService, s.VirtualService); ours {
				loser := quoted("VirtualService", s.VirtualService)
				say(a.hostField(s.Domains), other, fmt.Sprintf("For %s, %s comes first%s: requests that match its %s never reach %s of %s.", list(s.Domains),
					quoted("VirtualService", first.VirtualService), a.why(v, first.VirtualService, s.VirtualService), index(first), index(s.Rule), loser))
			}
		}
	}
	if v.gateway != nil {
		return findings
	}
	// If several virtual services have the same host, a sidecar follows only one of them.
	if len(a.root.Spec.Http) == 0 || slices.ContainsFunc(hostsOf(a.root), a.part.assumes) {
		return findings
	}
	for i, h := range hostsOf(a.root) {
		winner, one := answers(v.RulesAt(string(h)))
		for _, vs := range a.part.routing[h] {
			loser, ours := otherOf(winner, us, nameOf(vs))
			if !one || !ours || nameOf(vs) == us || len(vs.Spec.Http) == 0 || !slices.Contains(gatewaysOf(&vs.Spec), everySidecar) ||
				!exported(a.part, vs.Spec.ExportTo, vs.Namespace).include(v.Namespace) || slices.ContainsFunc(hostsOf(vs), a.part.assumes) {
				continue
			}
			say(at("spec.hosts[%d]", i), nameOf(vs), fmt.Sprintf("Both have rules for host %q. Sidecars in namespace %q follow only %s%s; for that host %s has no effect.",
				h, v.Namespace, quoted("VirtualService", winner), a.why(v, winner, loser), quoted("VirtualService", loser)))
		}
	}
	return findings
}

// otherOf returns the other one of two virtual services. It returns false if neither is us.
func otherOf(us, one, other types.NamespacedName) (types.NamespacedName, bool) {
	if one == us {
		return other, true
	}
	return one, other == us
}

// why says why Istio puts one virtual service before the other.
func (a *virtualService) why(v view, first, second types.NamespacedName) string {
	one, other := find(a.part.objects.VirtualServices, first), find(a.part.objects.VirtualServices, second)
	if one == nil || other == nil {
		return ""
	}
	reach := func(vs *networking.VirtualService) int {
		switch e := exported(a.part, vs.Spec.ExportTo, vs.Namespace); {
		case e.everywhere:
			return 2
		case v.Namespace == vs.Namespace:
			return 0
		}
		return 1
	}
	ages := one.CreationTimestamp.Compare(other.CreationTimestamp.Time)
	switch {
	case reach(one) < reach(other):
		return ", because it is exported to fewer namespaces"
	case ages < 0:
		return ", because it is older"
	case ages == 0:
		return ", because both were created in the same second and its name sorts first"
	}
	return ""
}

func index(r mesh.Rule) string { return strings.TrimPrefix(r.Field(), "spec.") }

// answers returns the virtual service of these rules. It returns false if there is none, or several on different ports.
func answers(rules []mesh.Served) (winner types.NamespacedName, one bool) {
	for _, s := range rules {
		if one && s.VirtualService != winner {
			return types.NamespacedName{}, false
		}
		winner, one = s.VirtualService, true
	}
	return winner, one
}

// hostField returns the field of the host with these domains.
func (a *virtualService) hostField(domains []string) string {
	for i, h := range hostsOf(a.root) {
		if slices.ContainsFunc(domains, func(d string) bool { return h.Matches(host.Name(d)) }) {
			return at("spec.hosts[%d]", i)
		}
	}
	return "spec.hosts"
}

// unserved finds hosts and rules that no proxy gets, unless another virtual service is the reason.
func (a *virtualService) unserved(hidden []engine.Finding) (findings []engine.Finding) {
	if !a.complete || len(a.places) == 0 {
		return nil
	}
	var rules []mesh.Served
	for _, where := range a.places {
		if where.gateway != nil { // there may be proxies that are not known
			where.proxies = append(slices.Clone(where.proxies), a.part.possible(where.gateway)...)
		}
		views := a.part.views(where)
		if len(views) < len(where.proxies) {
			return nil
		}
		for _, v := range views {
			rules = append(rules, v.RulesOf(nameOf(a.root))...)
		}
	}
	us := quoted("VirtualService", nameOf(a.root))
	all := len(a.root.Spec.Hosts)
	for i, h := range hostsOf(a.root) {
		field := at("spec.hosts[%d]", i)
		if slices.ContainsFunc(a.places, func(p place) bool { return p.gateway == nil }) || len(a.spec.Http) == 0 ||
			slices.ContainsFunc(rules, func(s mesh.Served) bool {
				return s.HTTP && slices.ContainsFunc(s.Domains, func(d string) bool { return h.Matches(host.Name(d)) })
			}) || slices.ContainsFunc(hidden, func(f engine.Finding) bool { return f.Field == field }) {
			continue
		}
		all--
		var serves []string
		for _, where := range a.places {
			serves = append(serves, fmt.Sprintf("%s serves %s", quoted("Gateway", nameOf(where.gateway)), servedBy(where.gateway)))
		}
		findings = append(findings, engine.Finding{
			Field:   field,
			Summary: fmt.Sprintf("Host %q is not served by a gateway of %s", a.root.Spec.Hosts[i], us),
			Detail: fmt.Sprintf("%s has http rules for host %q, but none of its gateways serves that host for namespace %q: %s. Add the host to a server of the "+
				"gateway, or correct it.", us, a.root.Spec.Hosts[i], a.root.Namespace, strings.Join(serves, "; ")),
		})
	}
	if all == 0 || len(hidden) > 0 || !a.hostsKnown() {
		return findings
	}
	return append(findings, a.unused(rules)...)
}

// unused finds rules that no proxy gets. istiod's webhook reports those that an earlier rule of the same virtual service hides.
func (a *virtualService) unused(rules []mesh.Served) (findings []engine.Finding) {
	say := func(field, why string) {
		findings = append(findings, engine.Finding{
			Field:   field,
			Summary: fmt.Sprintf("No proxy gets %s of %s", strings.TrimPrefix(field, "spec."), quoted("VirtualService", nameOf(a.root))),
			Detail:  why + " Correct or remove the rule.",
		})
	}
	for i, rule := range a.spec.Http {
		if rule.Delegate != nil || slices.ContainsFunc(rules, func(s mesh.Served) bool { return s.HTTP && s.Index == i }) {
			continue
		}
		if slices.ContainsFunc(rules, func(s mesh.Served) bool { return s.HTTP && s.Index < i && route.IsCatchAllRoute(s.Route) }) {
			continue
		}
		say(at("spec.http[%d]", i), "No HTTP port of its hosts or gateways, or no source, matches the rule.")
	}
	connections := slices.ContainsFunc(rules, func(s mesh.Served) bool { return !s.HTTP })
	if len(a.spec.Tls) > 0 && len(a.spec.Tcp) == 0 && !connections {
		say("spec.tls", "No TLS passthrough port of its hosts or gateways matches its rules, or another VirtualService has it.")
	}
	if len(a.spec.Tcp) > 0 && len(a.spec.Tls) == 0 && !connections {
		say("spec.tcp", "No TCP port of its hosts or gateways matches its rules, or another VirtualService has it.")
	}
	return findings
}

// hostsKnown reports whether it is known that the proxies of the mesh have the hosts. They do, unless Sidecars restrict them.
func (a *virtualService) hostsKnown() bool {
	if !slices.ContainsFunc(a.places, func(p place) bool { return p.gateway == nil }) {
		return true
	}
	if len(a.part.objects.Sidecars) > 0 {
		return false
	}
	return !slices.ContainsFunc(hostsOf(a.root), func(h host.Name) bool {
		return a.part.service(h) == nil
	})
}

// podless finds destinations whose Service has no pod, except those that already have a finding.
func (a *virtualService) podless(said []engine.Finding) (findings []engine.Finding) {
	for _, d := range destinations(&a.object.Spec) {
		s := a.part.service(mesh.Host(d.GetHost(), a.object.Namespace))
		if s == nil || slices.ContainsFunc(said, func(f engine.Finding) bool { return strings.HasPrefix(f.Field, d.field) }) {
			continue
		}
		if pods, known := a.part.pods(s, nil); known && pods == 0 {
			findings = append(findings, engine.Finding{
				Field:   d.field + ".host",
				Summary: fmt.Sprintf("%s routes to %s, which has no pod yet", quoted("VirtualService", nameOf(a.object)), quoted("Service", nameOf(s))),
				Detail: fmt.Sprintf("No pod in namespace %q has all the labels of the Service's selector: %s. Requests to it fail with 503. Correct the labels, "+
					"or start pods that have them.", s.Namespace, labels.SelectorFromSet(s.Spec.Selector)),
			})
		}
	}
	return findings
}
