package describe_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/magneticio/terraform-provider-lamia/internal/describe"
	"google.golang.org/protobuf/reflect/protoreflect"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
)

// everyField visits the fields of all messages that the kinds' specs reach.
func everyField(visit func(fd protoreflect.FieldDescriptor)) {
	seen := map[protoreflect.FullName]bool{}
	var message func(md protoreflect.MessageDescriptor)
	message = func(md protoreflect.MessageDescriptor) {
		if seen[md.FullName()] || md.ParentFile().Package() == "google.protobuf" {
			return
		}
		seen[md.FullName()] = true
		for i := range md.Fields().Len() {
			fd := md.Fields().Get(i)
			if !md.IsMapEntry() {
				visit(fd)
			}
			if fd.Message() != nil {
				message(fd.Message())
			}
		}
	}
	message((&networkingv1.DestinationRule{}).Spec.ProtoReflect().Descriptor())
	message((&networkingv1.Gateway{}).Spec.ProtoReflect().Descriptor())
	message((&networkingv1.ServiceEntry{}).Spec.ProtoReflect().Descriptor())
	message((&networkingv1.VirtualService{}).Spec.ProtoReflect().Descriptor())
}

// leftovers are parts of Istio's comments that do not belong into descriptions.
var leftovers = map[string]*regexp.Regexp{
	"a generator's marker": regexp.MustCompile(`(?m)\$hide_from_docs|^\s*\+\w+[-:]|Marked as deprecated in|Next available field`),
	"an example":           regexp.MustCompile("```|apiVersion:|tabset|{{"),
	"a relative link":      regexp.MustCompile(`\]\([#/]|istio\.io/docs/`),
	"HTML":                 regexp.MustCompile(`<[/!a-zA-Z]`),
	"a tab":                regexp.MustCompile(`\t`),
	"an unindented line":   regexp.MustCompile(`\n[^\s]`),
	"a space at an end":    regexp.MustCompile(`(?m)[ ]$`),
	"an old format":        regexp.MustCompile(`1h/1m/1s/1ms`),
}

var (
	codeSpan = regexp.MustCompile("`[^`]+`")
	// foreign is not prose: the target of a link, or a <placeholder>.
	foreign = regexp.MustCompile(`\]\([^)]*\)|<\w+>`)
	camel   = regexp.MustCompile(`\b[a-z]+[A-Z]\w*`)
)

func TestEveryFieldIsDescribed(t *testing.T) {
	t.Parallel()
	jsonNames := map[string]bool{}
	everyField(func(fd protoreflect.FieldDescriptor) {
		jsonNames[fd.JSONName()] = true
	})
	fields := 0
	everyField(func(fd protoreflect.FieldDescriptor) {
		fields++
		text := describe.Of(fd.FullName()).Description
		if text == "" {
			t.Errorf("%s has no description", fd.FullName())
			return
		}
		first, _, _ := strings.Cut(text, "\n")
		if last := strings.TrimRight(first, ")"); !strings.ContainsRune(".:", rune(last[len(last)-1])) {
			t.Errorf("%s: its first paragraph ends without a full stop: %q", fd.FullName(), first)
		}
		for what, re := range leftovers {
			checked := text
			if what == "HTML" { // code may contain <placeholders>
				checked = codeSpan.ReplaceAllString(text, "")
			}
			if m := re.FindString(checked); m != "" {
				t.Errorf("%s holds %s: %q", fd.FullName(), what, m)
			}
		}
		for _, name := range camel.FindAllString(foreign.ReplaceAllString(text, ""), -1) {
			if jsonNames[name] && !strings.Contains(text, "networking.istio.io/"+name) {
				t.Errorf("%s speaks of %s, which is no attribute's name", fd.FullName(), name)
			}
		}
	})
	if fields < 200 {
		t.Errorf("only %d fields were checked", fields)
	}
}

func TestDescriptionOfKinds(t *testing.T) {
	t.Parallel()
	for _, d := range []protoreflect.MessageDescriptor{
		(&networkingv1.DestinationRule{}).Spec.ProtoReflect().Descriptor(),
		(&networkingv1.Gateway{}).Spec.ProtoReflect().Descriptor(),
		(&networkingv1.ServiceEntry{}).Spec.ProtoReflect().Descriptor(),
		(&networkingv1.VirtualService{}).Spec.ProtoReflect().Descriptor(),
	} {
		if text := describe.Of(d.FullName()).Description; text == "" {
			t.Errorf("%s has no description", d.FullName())
		}
	}
}

func TestDeprecatedFieldsSaySo(t *testing.T) {
	t.Parallel()
	everyField(func(fd protoreflect.FieldDescriptor) {
		f := describe.Of(fd.FullName())
		if fd.Options().(interface{ GetDeprecated() bool }).GetDeprecated() && f.Deprecation == "" {
			t.Errorf("%s is deprecated and does not say so", fd.FullName())
		}
		if f.Deprecation != "" && !strings.Contains(strings.ToLower(f.Description), "deprecated") {
			t.Errorf("%s: the description does not say that it is deprecated", fd.FullName())
		}
	})
	if f := describe.Of("istio.networking.v1alpha3.HTTPRoute.mirror_percent"); !strings.Contains(f.Deprecation, "mirror_percentage") {
		t.Errorf("mirror_percent: %q", f.Deprecation)
	}
}

func TestEnumFieldsListTheirValues(t *testing.T) {
	t.Parallel()
	everyField(func(fd protoreflect.FieldDescriptor) {
		if fd.Enum() == nil {
			return
		}
		text := describe.Of(fd.FullName()).Description
		for i := range fd.Enum().Values().Len() {
			if name := string(fd.Enum().Values().Get(i).Name()); !strings.Contains(text, "`"+name+"`") {
				t.Errorf("%s does not speak of %s", fd.FullName(), name)
			}
		}
	})
}

func TestConstraints(t *testing.T) {
	t.Parallel()
	tests := map[protoreflect.FullName]func(f describe.Field) bool{
		"ServicePort.number":                func(f describe.Field) bool { return *f.Minimum == 1 && *f.Maximum == 65535 },
		"TrafficPolicy.RetryBudget.percent": func(f describe.Field) bool { return *f.Minimum == 0 && *f.Maximum == 100 },
		"ServerTLSSettings.credential_names": func(f describe.Field) bool {
			return *f.MinItems == 1 && *f.MaxItems == 2
		},
		"ServiceEntry.addresses":                    func(f describe.Field) bool { return *f.MaxItems == 256 && *f.Element.MaxLength == 64 },
		"WorkloadEntry.ports":                       func(f describe.Field) bool { return *f.MaxProperties == 128 && *f.Element.Maximum == 65535 },
		"HTTPRoute.timeout":                         func(f describe.Field) bool { return f.MinDuration == time.Millisecond },
		"TrafficPolicy.RetryBudget.budget_interval": func(f describe.Field) bool { return f.MinDuration == 0 },
		"HTTPRoute.name":                            func(f describe.Field) bool { return f.Constraints == describe.Constraints{} },
		"no.such.field":                             func(f describe.Field) bool { return f == describe.Field{} },
	}
	for name, ok := range tests {
		if f := describe.Of("istio.networking.v1alpha3." + name); !ok(f) {
			t.Errorf("%s: %+v", name, f)
		}
	}
}
