package main

import (
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/magneticio/terraform-provider-lamia/internal/describe"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// rangeSentence describes the values that the CRD accepts.
func rangeSentence(f *describe.Field, fd protoreflect.FieldDescriptor) string {
	if fd.Message() != nil && fd.Message().FullName() == "google.protobuf.Struct" {
		return "An object, as JSON: `jsonencode` writes it."
	}
	if isDuration(fd) {
		s := "A duration such as `1h`, `1m`, `1.5s` or `1ms`"
		if f.MinDuration > 0 {
			s += fmt.Sprintf(", at least `%s`", f.MinDuration)
		}
		return s + "."
	}
	var all []string
	say := func(format string, min, max *int64) {
		if max != nil && *max == math.MaxUint32 {
			max = nil // it is the type's own limit
		}
		if min != nil && *min == 0 && max == nil {
			min = nil
		}
		switch {
		case min != nil && max != nil:
			all = append(all, fmt.Sprintf(format, fmt.Sprintf("from %d to %d", *min, *max)))
		case min != nil:
			all = append(all, fmt.Sprintf(format, fmt.Sprintf("at least %d", *min)))
		case max != nil:
			all = append(all, fmt.Sprintf(format, fmt.Sprintf("at most %d", *max)))
		}
	}
	say("%s", f.Minimum, f.Maximum)
	say("%s characters", nil, f.MaxLength)
	say("%s elements", f.MinItems, f.MaxItems)
	say("%s entries", nil, f.MaxProperties)
	say("each %s", f.Element.Minimum, f.Element.Maximum)
	say("each %s characters", nil, f.Element.MaxLength)
	return capital(fullStop(strings.Join(all, ", ")))
}

// conflictSentence names the other members of a field's oneof.
func conflictSentence(fd protoreflect.FieldDescriptor) string {
	oneof := fd.ContainingOneof()
	if oneof == nil || oneof.IsSynthetic() || oneof.Fields().Len() == 1 {
		return ""
	}
	var others []string
	for other := range each(oneof.Fields()) {
		if other != fd {
			others = append(others, "`"+spec.Snake(string(other.Name()))+"`")
		}
	}
	last := len(others) - 1
	if last > 0 {
		others = []string{strings.Join(others[:last], ", "), others[last]}
	}
	return "Conflicts with " + strings.Join(others, " and ") + "."
}

var aboutDeprecation = regexp.MustCompile(`(?i)\bdeprecated\b|\binstead\b`)

// deprecation returns plain text that says that a field is deprecated and, if the comment mentions it, what replaces it.
func deprecation(comment string, fd protoreflect.FieldDescriptor, blocks []block) string {
	marked := fd.Options().(interface{ GetDeprecated() bool }).GetDeprecated()
	if !marked && !strings.HasPrefix(comment, "Deprecated") {
		return ""
	}
	var said []string
	for _, b := range blocks {
		for _, s := range sentences(b.lines[0]) {
			if aboutDeprecation.MatchString(s) {
				said = append(said, s)
			}
		}
	}
	if len(said) == 0 {
		return "Deprecated."
	}
	return strings.ReplaceAll(strings.Join(said, " "), "`", "")
}
