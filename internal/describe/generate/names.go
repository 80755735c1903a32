package main

import (
	"regexp"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// names contains the names of fields in Istio's documentation and in Terraform.
type names struct {
	attributes map[string]string // JSON name of a field to its proto name
	values     map[string]bool   // enum values
	references map[string]string // a section's anchor to its URL
}

func namesOf(messages []protoreflect.MessageDescriptor, references map[protoreflect.FullName]string) names {
	n := names{attributes: map[string]string{}, values: map[string]bool{}, references: map[string]string{}}
	for _, md := range messages {
		n.references[anchor(md)] = references[md.FullName()]
		for fd := range each(md.Fields()) {
			name := spec.Snake(string(fd.Name()))
			n.attributes[fd.JSONName()], n.attributes[name] = name, name
			if fd.Enum() != nil {
				for vd := range each(fd.Enum().Values()) {
					n.values[string(vd.Name())] = true
				}
			}
		}
	}
	return n
}

func (n names) attribute(name string) (string, bool) {
	a, ok := n.attributes[name]
	return a, ok
}

var (
	// opaque matches what is not prose: code, a link's target, a URL.
	opaque   = regexp.MustCompile("`[^`]+`|\\]\\([^)]*\\)|https?://\\S+")
	word     = regexp.MustCompile(`\S+`)
	ident    = regexp.MustCompile(`[A-Za-z0-9_]+`)
	setting  = regexp.MustCompile(`^([a-z0-9_.]+): ([^<]*)$`)
	globbed  = regexp.MustCompile(`['"]([^'"\s]*[\\^*(|][^'"\s]*|[^\w\s'"])['"]|\b(\w+_\*)|([\w.]*<\w+>)`)
	istioDoc = regexp.MustCompile(`^\]\((?:https://istio\.io)?/(?:latest/)?docs/`)
	sameDoc  = regexp.MustCompile(`^\]\(#(\w+)\)$`)
)

// inText replaces the names in a line of Markdown with Terraform's, and makes links absolute.
func (n names) inText(d protoreflect.Descriptor, line string) string {
	line = outsideOf(opaque, line, func(prose string) string {
		return globbed.ReplaceAllStringFunc(prose, func(s string) string {
			s = strings.Trim(s, `"'`)
			return "`" + strings.ReplaceAll(s, `\*`, "*") + "`"
		})
	}, func(s string) string { return s })
	return outsideOf(opaque, line, n.inProse, func(s string) string {
		switch {
		case strings.HasPrefix(s, "`"):
			return n.inCode(s)
		case sameDoc.MatchString(s):
			return "](" + n.references[sameDoc.FindStringSubmatch(s)[1]] + ")"
		default:
			return istioDoc.ReplaceAllString(s, "](https://istio.io/latest/docs/")
		}
	})
}

// inProse formats names of attributes and values as code. A single plain word is left alone, because it is rarely a name.
func (n names) inProse(prose string) string {
	return word.ReplaceAllStringFunc(prose, func(w string) string {
		core := strings.Trim(w, `("'*_[].,;:)`)
		if attribute, ok := n.attributes[core]; ok && (strings.ContainsFunc(core, notLower) || strings.HasPrefix(w, "_")) {
			return code1(w, core, attribute)
		}
		if n.values[core] && strings.Contains(core, "_") {
			return code1(w, core, core)
		}
		return w
	})
}

func code1(w, core, name string) string {
	before, after, _ := strings.Cut(w, core)
	return strings.TrimRight(before, "_") + "`" + name + "`" + strings.TrimLeft(after, "_")
}

func notLower(r rune) bool { return r == '_' || 'A' <= r && r <= 'Z' }

// inCode replaces fields with attributes, and converts a setting to Terraform's syntax.
func (n names) inCode(span string) string {
	text := strings.Trim(span, "`")
	if strings.ContainsAny(text, "</") {
		return span
	}
	text = ident.ReplaceAllStringFunc(text, func(name string) string {
		if attribute, ok := n.attributes[name]; ok {
			return attribute
		}
		return name
	})
	if m := setting.FindStringSubmatch(text); m != nil {
		if _, ok := n.attributes[m[1][strings.LastIndex(m[1], ".")+1:]]; ok {
			text = m[1] + " = " + m[2]
		}
	}
	return "`" + text + "`"
}

// outsideOf applies prose to the parts of s between matches of re, and match to the matches.
func outsideOf(re *regexp.Regexp, s string, prose, match func(string) string) string {
	var b strings.Builder
	end := 0
	for _, loc := range re.FindAllStringIndex(s, -1) {
		b.WriteString(prose(s[end:loc[0]]))
		b.WriteString(match(s[loc[0]:loc[1]]))
		end = loc[1]
	}
	b.WriteString(prose(s[end:]))
	return b.String()
}
