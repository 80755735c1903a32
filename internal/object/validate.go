package object

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/magneticio/terraform-provider-lamia/internal/admission"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

var _ resource.ResourceWithValidateConfig = (*object)(nil)

// RuleBroken is the summary of errors about objects that the cluster would refuse, told without asking it.
const RuleBroken = "Refused by a rule of Istio's"

// ValidateConfig says what the API server and istiod would refuse, without a cluster. Terraform asks again when it plans and when it applies,
// with more values known. Then it says what they would warn of, too.
func (r *object) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	if r.kind.Admission == nil {
		return
	}
	config := maps.Clone(valuesOf(req.Config.Raw))
	if config[attrNamespace].IsNull() {
		config[attrNamespace] = tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
		if r.walk != nil && r.walk.Namespace() != "" {
			config[attrNamespace] = tftypes.NewValue(tftypes.String, r.walk.Namespace())
		}
	}
	// Terraform validates before it plans, too, and would show each warning twice.
	resp.Diagnostics.Append(r.kind.validate(ctx, config, r.walk != nil)...)
}

// judging is how long to look for what stands against an object of which not all is known, and then for the places of it. Who has not found
// out by then says less.
const judging = 5 * time.Second

func (k *Kind) validate(ctx context.Context, config values, warn bool) (diags diag.Diagnostics) {
	o, verdict, err := k.judge(ctx, config)
	if err != nil { // the schema's to say
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, judging)
	defer cancel()
	for _, p := range unrelated(k.place(ctx, config, o, verdict.Errors)) {
		diags.Append(withPath(p, diag.NewErrorDiagnostic(RuleBroken, fmt.Sprintf(
			"%s. So says %s, and such a %s is refused at apply.%s", strings.TrimSuffix(p.Message, "."), p.Judge, k.Kind, p.remedy()))))
	}
	if !warn {
		return diags
	}
	for _, p := range k.place(ctx, config, o, verdict.Warnings) {
		text := p.Advice
		if text == "" {
			text = fmt.Sprintf("So says %s, which accepts such a %s all the same.%s", p.Judge, k.Kind, p.remedy())
		}
		diags.Append(withPath(p, diag.NewWarningDiagnostic(p.Message, text))) // Terraform shows one of all warnings of the same summary
	}
	return diags
}

// told are the warnings that the plan gave, which the API server gives again.
func (k *Kind) told(v values) (texts []string) {
	if k.Admission == nil {
		return nil
	}
	o, err := k.object(v)
	if err != nil {
		return nil
	}
	for _, f := range k.Admission.Check(o).Warnings {
		texts = append(texts, f.Message)
	}
	return texts
}

// judge is what stands against the object whatever its unknown values turn out to be, and one of the objects that it may become.
func (k *Kind) judge(ctx context.Context, config values) (o *unstructured.Unstructured, verdict admission.Verdict, err error) {
	ctx, cancel := context.WithTimeout(ctx, judging)
	defer cancel()
	limit := math.MaxInt
	if k.specOf(config).IsFullyKnown() { // few rules ask for the name and the namespace
		limit = 8
	}
	i := 0
	for completed := range k.completions(config) {
		completed, err := k.object(completed)
		if err != nil {
			return nil, admission.Verdict{}, err
		}
		v := k.Admission.Check(completed)
		if i++; i == 1 {
			o, verdict = completed, v
		} else {
			verdict.Errors, verdict.Warnings = both(verdict.Errors, v.Errors), both(verdict.Warnings, v.Warnings)
		}
		if len(verdict.Errors) == 0 && (len(verdict.Warnings) == 0 || i >= spec.Guesses) || i == limit {
			break
		}
		if ctx.Err() != nil { // another completion may break none of these rules
			return o, admission.Verdict{}, nil
		}
	}
	return o, verdict, nil
}

// both are the findings that are among these and those.
func both(these, those []admission.Finding) []admission.Finding {
	return slices.DeleteFunc(these, func(f admission.Finding) bool { return !slices.ContainsFunc(those, f.Equal) })
}

// specOf are the attributes of config that the spec is made of.
func (k *Kind) specOf(config values) tftypes.Value {
	v := values{}
	for _, f := range k.Spec.Fields {
		v[f.Name] = config[f.Name]
	}
	return v.raw(v.typ())
}

// admitted are the attributes of config that the object is made of.
func (k *Kind) admitted(config values) tftypes.Value {
	v := valuesOf(k.specOf(config))
	for _, name := range []string{attrName, attrNamespace, attrLabels, attrAnnotations} {
		v[name] = config[name]
	}
	return v.raw(v.typ())
}

// completions are config with values for what is unknown, and the defaults that follow from the name.
func (k *Kind) completions(config values) iter.Seq[values] {
	frame := []spec.Field{
		{Name: attrName, Scalar: spec.String, Required: true, Plausible: func(s string) bool { return k.ValidName(s) == nil }},
		{Name: attrNamespace, Scalar: spec.String, Required: true, Plausible: func(s string) bool { return validation.IsDNS1123Label(s) == nil }},
		{Name: attrLabels, Scalar: spec.String, Collection: spec.Map},
		{Name: attrAnnotations, Scalar: spec.String, Collection: spec.Map},
	}
	m := &spec.Message{Fields: slices.Concat(frame, k.Spec.Fields)}
	return func(yield func(values) bool) {
		for completed := range m.Completions(k.admitted(config)) {
			v := maps.Clone(valuesOf(completed))
			for attribute, value := range k.Defaults {
				if config[attribute].IsNull() {
					v[attribute] = value(v.string(attrNamespace), v.string(attrName))
				}
			}
			if !yield(v) {
				return
			}
		}
	}
}

// placed is a finding at an attribute.
type placed struct {
	admission.Finding
	path path.Path   // empty: of the resource
	with []path.Path // the others that do not go with it
}

// remedy is what to do.
func (p placed) remedy() string {
	if len(p.path.Steps()) == 0 {
		return ""
	}
	remedy := " Change it here"
	for _, other := range p.with {
		remedy += ", or " + other.String()
	}
	return remedy + "."
}

func withPath(p placed, d diag.Diagnostic) diag.Diagnostic {
	if len(p.path.Steps()) == 0 {
		return d
	}
	return diag.WithPath(p.path, d)
}

// place puts findings at the attributes they are about. What is about a value that is unknown can wait until it is not.
func (k *Kind) place(ctx context.Context, config values, o *unstructured.Unstructured, findings []admission.Finding) (all []placed) {
	if len(findings) == 0 {
		return nil
	}
next:
	for _, f := range k.Admission.Place(ctx, o, findings) {
		p := placed{Finding: f}
		for _, field := range f.Fields {
			at, ok := k.at(field)
			switch {
			case !ok:
				continue
			case config.unknownAt(at):
				continue next
			case len(p.path.Steps()) > 0:
				p.with = append(p.with, p.path)
			}
			p.path = at
		}
		all = append(all, p)
	}
	return all
}

// unknownAt reports whether the value at a path is unknown, or lies in one that is.
func (v values) unknownAt(at path.Path) bool {
	var value tftypes.Value
	for i, s := range at.Steps() {
		switch s := s.(type) {
		case path.PathStepAttributeName:
			if i > 0 {
				v = nil
				_ = value.As((*map[string]tftypes.Value)(&v))
			}
			value = v[string(s)]
		case path.PathStepElementKeyString:
			var m map[string]tftypes.Value
			_ = value.As(&m)
			value = m[string(s)]
		case path.PathStepElementKeyInt:
			var l []tftypes.Value
			_ = value.As(&l)
			if int(s) >= len(l) {
				return false
			}
			value = l[s]
		}
		if value.Type() == nil || value.IsNull() {
			return false
		}
		if !value.IsKnown() {
			return true
		}
	}
	return false
}

// unrelated leaves out what one judge says of a value and another says of a part of it: it is the same problem, and the part is the better place.
func unrelated(all []placed) []placed {
	return slices.DeleteFunc(slices.Clone(all), func(p placed) bool {
		return slices.ContainsFunc(all, func(q placed) bool {
			if p.Judge == q.Judge || len(p.path.Steps()) == 0 {
				return false
			}
			if p.path.Equal(q.path) {
				return q.Judge == admission.Schema
			}
			return len(p.path.Steps()) < len(q.path.Steps()) && slices.EqualFunc(p.path.Steps(), q.path.Steps()[:len(p.path.Steps())], path.PathStep.Equal)
		})
	})
}
