package picture

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"istio.io/api/networking/v1alpha3"
)

// escaped returns the lines of a label. Mermaid interprets quotes, tags, Markdown and more in labels, so only plain characters stay as they are.
func escaped(lines ...string) string {
	var b strings.Builder
	for _, line := range lines {
		if line == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("<br>")
		}
		for _, r := range line {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" -_./:,=%", r) {
				b.WriteRune(r)
			} else {
				fmt.Fprintf(&b, "#%d;", r)
			}
		}
	}
	return b.String()
}

// share returns the share of requests that one of several destinations gets, as text.
func share(weight, total int32, destinations int) string {
	if destinations < 2 || total == 0 {
		return ""
	}
	return fmt.Sprintf("%.3g%%", 100*float64(weight)/float64(total))
}

// matches describes which requests a rule applies to, and which path its destination receives.
func matches(rule *v1alpha3.HTTPRoute) string {
	var all []string
	for _, m := range rule.Match {
		all = append(all, strings.Join(conditions(m), ", "))
	}
	text := strings.Join(all, " or ")
	if to := rule.Rewrite.GetUri(); to != "" {
		text += " rewritten to " + to
	}
	return strings.TrimSpace(text)
}

func conditions(m *v1alpha3.HTTPMatchRequest) (all []string) {
	add := func(name string, s *v1alpha3.StringMatch) {
		if s != nil {
			all = append(all, name+text(s))
		}
	}
	add("", m.Method)
	add("", m.Uri)
	add("scheme ", m.Scheme)
	add("authority ", m.Authority)
	each := func(kind string, values map[string]*v1alpha3.StringMatch) {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			all = append(all, strings.TrimSuffix(kind+name+"="+text(values[name]), "="))
		}
	}
	each("header ", m.Headers)
	each("without header ", m.WithoutHeaders)
	each("query ", m.QueryParams)
	if m.Port > 0 {
		all = append(all, fmt.Sprintf("port %d", m.Port))
	}
	if m.SourceNamespace != "" {
		all = append(all, "from namespace "+m.SourceNamespace)
	}
	for _, name := range slices.Sorted(maps.Keys(m.SourceLabels)) {
		all = append(all, "from pods with "+name+"="+m.SourceLabels[name])
	}
	for _, name := range m.Gateways {
		all = append(all, "from gateway "+name)
	}
	return all
}

func text(s *v1alpha3.StringMatch) string {
	switch s := s.GetMatchType().(type) {
	case *v1alpha3.StringMatch_Exact:
		return s.Exact
	case *v1alpha3.StringMatch_Prefix:
		return s.Prefix + "*"
	case *v1alpha3.StringMatch_Regex:
		return "~" + s.Regex
	}
	return ""
}
