package mesh

import (
	"slices"
	"strings"

	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
)

// Covers reports whether the first route matches every request that the second one matches. If that is hard to decide, as for two regular
// expressions, it returns false.
func Covers(first, second *route.Route) bool {
	a, b := first.GetMatch(), second.GetMatch()
	return coversPath(a, b) && coversAll(a.GetHeaders(), b.GetHeaders()) && coversAll(a.GetQueryParameters(), b.GetQueryParameters())
}

// coversAll reports whether second has all conditions of first.
func coversAll[M proto.Message](first, second []M) bool {
	return !slices.ContainsFunc(first, func(a M) bool {
		return !slices.ContainsFunc(second, func(b M) bool { return proto.Equal(a, b) })
	})
}

func coversPath(a, b *route.RouteMatch) bool {
	if a.GetPrefix() == "/" || a.GetSafeRegex().GetRegex() == ".*" {
		return true
	}
	if sensitive(a) != sensitive(b) {
		return false
	}
	under := func(path, prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") }
	switch p := a.GetPathSpecifier().(type) {
	case *route.RouteMatch_Prefix:
		switch q := b.GetPathSpecifier().(type) {
		case *route.RouteMatch_Prefix:
			return strings.HasPrefix(q.Prefix, p.Prefix)
		case *route.RouteMatch_Path:
			return strings.HasPrefix(q.Path, p.Prefix)
		case *route.RouteMatch_PathSeparatedPrefix:
			return strings.HasPrefix(q.PathSeparatedPrefix, p.Prefix)
		}
	case *route.RouteMatch_PathSeparatedPrefix:
		switch q := b.GetPathSpecifier().(type) {
		case *route.RouteMatch_Prefix:
			return strings.HasPrefix(q.Prefix, p.PathSeparatedPrefix+"/")
		case *route.RouteMatch_Path:
			return under(q.Path, p.PathSeparatedPrefix)
		case *route.RouteMatch_PathSeparatedPrefix:
			return under(q.PathSeparatedPrefix, p.PathSeparatedPrefix)
		}
	case *route.RouteMatch_Path:
		return p.Path == b.GetPath()
	case *route.RouteMatch_SafeRegex:
		return p.SafeRegex.GetRegex() == b.GetSafeRegex().GetRegex()
	}
	return false
}

func sensitive(m *route.RouteMatch) bool {
	return m.GetCaseSensitive() == nil || m.GetCaseSensitive().GetValue()
}
