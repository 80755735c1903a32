package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/magneticio/terraform-provider-lamia/internal/describe"
	"google.golang.org/protobuf/reflect/protoreflect"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// markdown converts the comments of Istio's API to descriptions of attributes.
type markdown struct {
	docs       map[protoreflect.FullName]string
	references map[protoreflect.FullName]string
	names      names
	// used counts how often each amendment was applied.
	used map[protoreflect.FullName]int
}

func newMarkdown(docs, references map[protoreflect.FullName]string, messages []protoreflect.MessageDescriptor) *markdown {
	return &markdown{docs: docs, references: references, names: namesOf(messages, references), used: map[protoreflect.FullName]int{}}
}

// of returns the description of a message, a field or an enum value. It is empty if the source has no comment on it.
func (m *markdown) of(d protoreflect.Descriptor) string {
	return render(m.blocks(d))
}

func (m *markdown) blocks(d protoreflect.Descriptor) []block {
	comment := m.docs[d.FullName()]
	if a, ok := amendments[d.FullName()]; ok && strings.Contains(comment, a.from) {
		comment = strings.Replace(comment, a.from, a.to, 1)
		m.used[d.FullName()]++
	}
	for _, r := range rewrites {
		comment = r.from.ReplaceAllString(comment, r.to)
	}
	blocks := m.withoutExamples(parseBlocks(comment))
	for i, b := range blocks {
		for j, line := range b.lines {
			if b.kind == paragraph {
				line = optional.ReplaceAllString(line, "")
				if i == 0 {
					line = leadWithMeaning(line)
				}
				line = fullStop(line)
			}
			blocks[i].lines[j] = m.names.inText(d, capital(line))
		}
	}
	return blocks
}

// field completes f, which has the field's constraints, with its description. It reports whether the source has a comment on the field. A field
// without comment gets the comment of its message.
func (m *markdown) field(f *describe.Field, fd protoreflect.FieldDescriptor) (commented bool) {
	blocks := m.blocks(fd)
	commented = len(blocks) > 0
	if !commented {
		blocks = m.blocks(fd.Parent())[:1]
	}
	f.Deprecation = deprecation(m.docs[fd.FullName()], fd, blocks)
	extra := []string{rangeSentence(f, fd), conflictSentence(fd)}
	if f.Since != "" {
		extra = append(extra, "Needs Istio "+f.Since+".")
	}
	if f.Deprecation != "" && !strings.Contains(strings.ToLower(render(blocks)), "deprecated") {
		extra = append(extra, f.Deprecation)
	}
	if md := message(fd); md != nil {
		_, section, _ := strings.Cut(m.references[md.FullName()], "#")
		extra = append(extra, fmt.Sprintf("See [%s](%s).", strings.ReplaceAll(section, "-", "."), m.references[md.FullName()]))
	}
	if values := m.enumValues(fd, render(blocks)); len(values) > 0 {
		extra = append(extra, "One of:")
		blocks = slices.Insert(blocks, 1, block{kind: list, lines: values})
	}
	extra = slices.DeleteFunc(extra, func(s string) bool { return s == "" })
	if first := &blocks[0].lines[0]; !strings.HasSuffix(*first, ":") {
		*first = strings.Join(append([]string{*first}, extra...), " ")
	} else if len(extra) > 0 { // the first paragraph introduces the next ones
		blocks = append(blocks, block{kind: paragraph, lines: []string{strings.Join(extra, " ")}})
	}
	f.Description = render(blocks)
	return commented
}

// message returns the message of a field or of its elements, or nil if it is none of Istio's.
func message(fd protoreflect.FieldDescriptor) protoreflect.MessageDescriptor {
	if fd.IsMap() {
		fd = fd.MapValue()
	}
	if fd.Message() == nil || wellKnown(fd.Message()) {
		return nil
	}
	return fd.Message()
}

// enumValues lists the values of an enum with their meaning, unless the text already mentions all of them.
func (m *markdown) enumValues(fd protoreflect.FieldDescriptor, text string) []string {
	if fd.Enum() == nil {
		return nil
	}
	var items []string
	told := true
	for vd := range each(fd.Enum().Values()) {
		item := "- `" + string(vd.Name()) + "`"
		if vd.Number() == 0 && !fd.HasPresence() {
			item += " (the default)"
		}
		if meaning := m.of(vd); meaning != "" {
			item += ": " + strings.ReplaceAll(meaning, "\n\n  ", " ")
			told = false
		}
		told = told && strings.Contains(text, string(vd.Name()))
		items = append(items, item)
	}
	if told {
		return nil
	}
	return items
}

var sentenceEnd = regexp.MustCompile(`[.:!?]\)?\s+`)

// sentences splits a paragraph. An abbreviation such as "e.g." does not end a sentence.
func sentences(text string) []string {
	var found []string
	start := 0
	for _, loc := range sentenceEnd.FindAllStringIndex(text, -1) {
		next, _ := utf8.DecodeRuneInString(text[loc[1]:])
		before := text[start:loc[0]]
		if text[loc[0]] == ':' || unicode.IsLower(next) || strings.HasSuffix(before, "e.g") || strings.HasSuffix(before, "i.e") || strings.HasSuffix(before, "E.g") {
			continue
		}
		found = append(found, strings.TrimSpace(text[start:loc[1]]))
		start = loc[1]
	}
	return append(found, strings.TrimSpace(text[start:]))
}

var (
	aside    = regexp.MustCompile(`^(REQUIRED if|[Oo]nly one of|Applicable only|A HTTP rule can either|If traffic passthrough)`)
	optional = regexp.MustCompile(`^(OPTIONAL|Optional)[:.] `)
	example  = regexp.MustCompile(`(?i)\b(following|for example|another example|associated DestinationRule|this example)\b|,$`)
	leadIn   = regexp.MustCompile(`,? for example[:,]?$`)
)

// leadWithMeaning moves sentences about when a field can be used behind those about what it is.
func leadWithMeaning(text string) string {
	parts := sentences(text)
	for range parts {
		if !aside.MatchString(parts[0]) {
			break
		}
		parts = append(parts[1:], fullStop(capital(strings.Replace(parts[0], "REQUIRED", "Required", 1))))
	}
	parts[len(parts)-1] = fullStop(parts[len(parts)-1])
	return strings.Join(parts, " ")
}

func fullStop(text string) string {
	if strings.HasSuffix(text, ".)") {
		return text
	}
	if last, _ := utf8.DecodeLastRuneInString(text); unicode.IsLetter(last) || unicode.IsDigit(last) || strings.ContainsRune(")`", last) {
		return text + "."
	}
	return text
}

// capital capitalizes a sentence, unless it begins with a name such as failoverPriority.
func capital(text string) string {
	word, _, _ := strings.Cut(text, " ")
	if first, size := utf8.DecodeRuneInString(text); strings.ToLower(word) == word && unicode.IsLower(first) {
		return string(unicode.ToUpper(first)) + text[size:]
	}
	return text
}

// withoutExamples removes YAML examples and the sentences that introduce them. Settings of a line or two become code in the text.
func (m *markdown) withoutExamples(blocks []block) []block {
	var kept []block
	for _, b := range blocks {
		if b.kind != code {
			kept = append(kept, b)
			continue
		}
		last := len(kept) - 1
		if settings := m.settings(b.lines); settings != "" {
			if last >= 0 && kept[last].kind == paragraph {
				kept[last].lines[0] += " " + settings + "."
			} else {
				kept = append(kept, block{kind: paragraph, lines: []string{settings + "."}})
			}
			continue
		}
		if last < 0 || kept[last].kind != paragraph {
			continue
		}
		text := sentences(kept[last].lines[0])
		if i := slices.IndexFunc(text, example.MatchString); i >= 0 {
			lead := leadIn.ReplaceAllString(text[i], ".")
			text = text[:i]
			if strings.HasSuffix(lead, ".") && !example.MatchString(lead) {
				text = append(text, lead)
			}
		}
		if kept[last].lines[0] = strings.Join(text, " "); kept[last].lines[0] == "" {
			kept = kept[:last]
		}
	}
	return kept
}

// settings converts YAML that sets some fields to a value or a list of values to Terraform's syntax. It returns "" for other YAML.
func (m *markdown) settings(lines []string) string {
	var values map[string]any
	if err := yaml.Unmarshal([]byte(strings.Join(lines, "\n")), &values); err != nil {
		return ""
	}
	var set []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		attribute, ok := m.names.attribute(name)
		if !ok {
			return ""
		}
		var value string
		switch v := values[name].(type) {
		case string:
			value = fmt.Sprintf("%q", v)
		case []any:
			var items []string
			for _, item := range v {
				text, ok := item.(string)
				if !ok {
					return ""
				}
				items = append(items, fmt.Sprintf("%q", text))
			}
			value = "[" + strings.Join(items, ", ") + "]"
		case map[string]any:
			return ""
		default:
			value = fmt.Sprint(v)
		}
		set = append(set, "`"+attribute+" = "+value+"`")
	}
	return strings.Join(set, ", ")
}

// unused fails if an amendment was not applied, because Istio has changed the comment.
func (m *markdown) unused() error {
	for name := range amendments {
		if m.used[name] == 0 {
			return fmt.Errorf("%s: its comment has changed: revise its amendment", name)
		}
	}
	return nil
}
