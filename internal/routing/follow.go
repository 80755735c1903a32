package routing

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	fault "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	matcher "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	percent "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

// follow follows the first route that the request matches.
func (r Request) follow(c *mesh.Config, routes []*route.Route) Result {
	var first *route.Route
	var later []Rule
	for _, candidate := range routes {
		if !r.matches(candidate.GetMatch()) {
			continue
		}
		if first == nil {
			first = candidate
			continue
		}
		if vs, rule := ruleOf(candidate); rule >= 0 {
			later = append(later, Rule{vs.String(), rule})
		}
	}
	if first == nil {
		return Result{Outcome: NotFound, Status: 404, Rule: -1, Reason: "The host has rules, but the request matches none of them."}
	}
	result := Result{Later: later, Path: r.Path, Host: r.Host}
	vs, rule := ruleOf(first)
	result.Rule = rule
	if rule >= 0 {
		result.VirtualService = vs.String()
	}
	result.Fault = faultOf(first)
	switch action := first.GetAction().(type) {
	case *route.Route_Redirect:
		return r.redirect(result, first, action.Redirect)
	case *route.Route_DirectResponse:
		result.Outcome, result.Status, result.Body = Answered, int(action.DirectResponse.GetStatus()), action.DirectResponse.GetBody().GetInlineString()
		return result
	case *route.Route_Route:
		return r.forward(c, result, first, action.Route)
	}
	result.Outcome, result.Status, result.Reason = NotFound, 404, "The rule does nothing."
	return result
}

func (r Request) forward(c *mesh.Config, result Result, first *route.Route, action *route.RouteAction) Result {
	result.Path = r.rewritten(first.GetMatch(), action.GetPrefixRewrite(), action.GetRegexRewrite())
	if h := action.GetHostRewriteLiteral(); h != "" {
		result.Host = h
	}
	result.Timeout = duration(action.GetTimeout())
	if p := action.GetRetryPolicy(); p.GetNumRetries().GetValue() > 0 {
		result.Retries = &Retries{Attempts: int(p.GetNumRetries().GetValue()), On: p.GetRetryOn(), PerTryTimeout: duration(p.GetPerTryTimeout())}
	}
	for _, m := range action.GetRequestMirrorPolicies() {
		if d, known := destination(c, m.GetCluster()); known {
			d.Share = 1
			if m.GetRuntimeFraction() != nil {
				d.Share = share(m.GetRuntimeFraction().GetDefaultValue())
			}
			result.Mirrors = append(result.Mirrors, d)
		}
	}
	weights := map[string]uint32{}
	if name := action.GetCluster(); name != "" {
		weights[name] = 1
	}
	for _, w := range action.GetWeightedClusters().GetClusters() {
		weights[w.GetName()] += w.GetWeight().GetValue()
	}
	return result.forwarded(c, weights)
}

// redirect sets the URL to which the response redirects the client.
func (r Request) redirect(result Result, first *route.Route, action *route.RedirectAction) Result {
	codes := map[route.RedirectAction_RedirectResponseCode]int{
		route.RedirectAction_MOVED_PERMANENTLY: 301, route.RedirectAction_FOUND: 302, route.RedirectAction_SEE_OTHER: 303,
		route.RedirectAction_TEMPORARY_REDIRECT: 307, route.RedirectAction_PERMANENT_REDIRECT: 308,
	}
	scheme, name, path := r.Protocol, r.Host, r.Path
	if action.GetSchemeRedirect() != "" {
		scheme = action.GetSchemeRedirect()
	}
	if action.GetHttpsRedirect() {
		scheme = "https"
	}
	if h := action.GetHostRedirect(); h != "" {
		name = h
	}
	if p := action.GetPortRedirect(); p > 0 {
		name, _, _ = strings.Cut(name, ":")
		name = fmt.Sprint(name, ":", p)
	}
	switch {
	case action.GetPathRedirect() != "":
		_, query, asked := strings.Cut(path, "?")
		if path = action.GetPathRedirect(); asked && !strings.Contains(path, "?") {
			path += "?" + query
		}
	case action.GetPrefixRewrite() != "" || action.GetRegexRewrite() != nil:
		path = r.rewritten(first.GetMatch(), action.GetPrefixRewrite(), action.GetRegexRewrite())
	}
	if action.GetStripQuery() {
		path, _, _ = strings.Cut(path, "?")
	}
	result.Outcome, result.Status, result.Redirect = Redirected, codes[action.GetResponseCode()], scheme+"://"+name+path
	return result
}

// rewritten returns the path that the destination receives.
func (r Request) rewritten(m *route.RouteMatch, prefix string, regex *matcher.RegexMatchAndSubstitute) string {
	path, query, asked := strings.Cut(r.Path, "?")
	switch {
	case regex != nil:
		if expression, err := regexp.Compile(regex.GetPattern().GetRegex()); err == nil {
			path = expression.ReplaceAllString(path, groups.ReplaceAllString(strings.ReplaceAll(regex.GetSubstitution(), "$", "$$"), "$${$1}"))
		}
	case prefix == "":
	case m.GetPath() != "" || m.GetSafeRegex() != nil:
		path = prefix
	default:
		path = prefix + path[len(m.GetPrefix()+m.GetPathSeparatedPrefix()):]
	}
	if asked {
		path += "?" + query
	}
	return path
}

var groups = regexp.MustCompile(`\\(\d)`)

func (r Request) matches(m *route.RouteMatch) bool {
	path, query, _ := strings.Cut(r.Path, "?")
	if m.GetCaseSensitive() != nil && !m.GetCaseSensitive().GetValue() && m.GetSafeRegex() == nil { // Envoy ignores it for regular expressions
		path = strings.ToLower(path)
		m = lower(m)
	}
	switch p := m.GetPathSpecifier().(type) {
	case *route.RouteMatch_Prefix:
		if !strings.HasPrefix(path, p.Prefix) {
			return false
		}
	case *route.RouteMatch_Path:
		if path != p.Path {
			return false
		}
	case *route.RouteMatch_PathSeparatedPrefix:
		if path != p.PathSeparatedPrefix && !strings.HasPrefix(path, p.PathSeparatedPrefix+"/") {
			return false
		}
	case *route.RouteMatch_SafeRegex:
		if !whole(p.SafeRegex.GetRegex(), path) {
			return false
		}
	default:
		return false
	}
	for _, h := range m.GetHeaders() {
		if !r.header(h) {
			return false
		}
	}
	values, _ := url.ParseQuery(query)
	for _, q := range m.GetQueryParameters() {
		_, there := values[q.GetName()]
		if q.GetStringMatch() != nil {
			there = there && text(q.GetStringMatch(), values.Get(q.GetName()))
		}
		if !there {
			return false
		}
	}
	return true
}

func lower(m *route.RouteMatch) *route.RouteMatch {
	copied := &route.RouteMatch{Headers: m.GetHeaders(), QueryParameters: m.GetQueryParameters()}
	switch p := m.GetPathSpecifier().(type) {
	case *route.RouteMatch_Prefix:
		copied.PathSpecifier = &route.RouteMatch_Prefix{Prefix: strings.ToLower(p.Prefix)}
	case *route.RouteMatch_Path:
		copied.PathSpecifier = &route.RouteMatch_Path{Path: strings.ToLower(p.Path)}
	case *route.RouteMatch_PathSeparatedPrefix:
		copied.PathSpecifier = &route.RouteMatch_PathSeparatedPrefix{PathSeparatedPrefix: strings.ToLower(p.PathSeparatedPrefix)}
	default:
		copied.PathSpecifier = p
	}
	return copied
}

// header matches a header, or a pseudo header such as :path.
func (r Request) header(m *route.HeaderMatcher) bool {
	value, there := "", true
	switch name := strings.ToLower(m.GetName()); name {
	case ":method":
		value = r.Method
	case ":authority", "host":
		value = r.Host
	case ":scheme":
		value = r.Protocol
	case ":path":
		value = r.Path
	default:
		there = false
		for key, v := range r.Headers {
			if strings.ToLower(key) == name {
				value, there = v, true
			}
		}
	}
	if m.GetTreatMissingHeaderAsEmpty() {
		there = true
	}
	matches := false
	switch by := m.GetHeaderMatchSpecifier().(type) {
	case *route.HeaderMatcher_PresentMatch:
		matches = there == by.PresentMatch
	case *route.HeaderMatcher_StringMatch:
		if !there {
			return false // even for inverted matches, as in Envoy
		}
		matches = text(by.StringMatch, value)
	}
	return matches != m.GetInvertMatch()
}

func text(m *matcher.StringMatcher, value string) bool {
	if m.GetIgnoreCase() {
		value = strings.ToLower(value)
	}
	fold := func(s string) string {
		if m.GetIgnoreCase() {
			return strings.ToLower(s)
		}
		return s
	}
	switch by := m.GetMatchPattern().(type) {
	case *matcher.StringMatcher_Exact:
		return value == fold(by.Exact)
	case *matcher.StringMatcher_Prefix:
		return strings.HasPrefix(value, fold(by.Prefix))
	case *matcher.StringMatcher_Suffix:
		return strings.HasSuffix(value, fold(by.Suffix))
	case *matcher.StringMatcher_Contains:
		return strings.Contains(value, fold(by.Contains))
	case *matcher.StringMatcher_SafeRegex:
		return whole(by.SafeRegex.GetRegex(), value)
	}
	return false
}

// whole reports whether the expression matches the whole text. Envoy uses the same syntax, RE2.
func whole(expression, value string) bool {
	compiled, err := regexp.Compile(`^(?:` + expression + `)$`)
	return err == nil && compiled.MatchString(value)
}

// longest returns the length of the longest prefix that contains the address, or -1.
func longest(ranges []*core.CidrRange, address string) (bits int) {
	bits = -1
	a, err := netip.ParseAddr(address)
	if err != nil {
		return bits
	}
	for _, r := range ranges {
		if base, err := netip.ParseAddr(r.GetAddressPrefix()); err == nil && netip.PrefixFrom(base, int(r.GetPrefixLen().GetValue())).Contains(a) {
			bits = max(bits, int(r.GetPrefixLen().GetValue()))
		}
	}
	return bits
}

func faultOf(r *route.Route) *Fault {
	given := &fault.HTTPFault{}
	for _, filter := range r.GetTypedPerFilterConfig() {
		if filter.MessageIs(given) && filter.UnmarshalTo(given) == nil {
			f := &Fault{Delay: duration(given.GetDelay().GetFixedDelay()), Abort: int(given.GetAbort().GetHttpStatus())}
			if given.GetDelay() != nil {
				f.DelayShare = share(given.GetDelay().GetPercentage())
			}
			if given.GetAbort() != nil {
				f.AbortShare = share(given.GetAbort().GetPercentage())
			}
			return f
		}
	}
	return nil
}

func share(p *percent.FractionalPercent) float64 {
	denominators := map[percent.FractionalPercent_DenominatorType]float64{
		percent.FractionalPercent_HUNDRED: 100, percent.FractionalPercent_TEN_THOUSAND: 10_000, percent.FractionalPercent_MILLION: 1_000_000,
	}
	return float64(p.GetNumerator()) / denominators[p.GetDenominator()]
}

// duration returns a text such as "3s", or "" if there is none.
func duration(d *durationpb.Duration) string {
	if d.AsDuration() == 0 {
		return ""
	}
	return strconv.FormatFloat(d.AsDuration().Seconds(), 'f', -1, 64) + "s"
}
