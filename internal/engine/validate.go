package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/magneticio/terraform-provider-lamia/internal/admission"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// RuleBroken is the summary of errors about objects that the cluster would reject. They are found without a request.
const RuleBroken = "Invalid Istio configuration"

// validate checks a configuration against its schema and the rules of the API server and istiod, without a cluster. It checks rules only once
// the spec is known, and Terraform validates again when it plans and applies. Only with a run, it returns warnings: Terraform validates before
// it plans, so warnings of both would be shown twice.
func (k *Kind) validate(run *Run, config values) diag.Diagnostics {
	diags := k.Attributes().Validate(config)
	if run != nil {
		for _, at := range k.Attributes().Void(config) {
			diags.AddAttributeWarning(at, "Nothing is set in "+at.String(),
				"An empty object has no effect here. If you misspelled a name in it, Terraform dropped that name: correct it, or remove the object.")
		}
	}
	checks := k.set().OfflineChecks
	if k.Admission == nil || checks == ChecksOff || !spec.Known(k.specOf(config)) {
		return diags
	}
	config = k.complete(run, config)
	o, err := k.object(config)
	if err != nil { // the schema check has reported it
		return diags
	}
	verdict := k.Admission.Check(o)
	said := slices.Clone(diags)
	for _, p := range unrelated(k.place(k.Admission.Place(o, verdict.Errors))) {
		if saidAt(said.Errors(), p.path) {
			continue
		}
		text := fmt.Sprintf("%s. This %s is rejected by %s.%s", strings.TrimSuffix(p.Message, "."), k.Kind, p.Judge, p.remedy())
		if checks != ChecksWarning {
			diags.Append(withPath(p, diag.NewErrorDiagnostic(RuleBroken, text)))
		} else if run != nil {
			diags.Append(withPath(p, diag.NewWarningDiagnostic(RuleBroken+": "+p.Message, text)))
		}
	}
	if run == nil {
		return diags
	}
	for _, p := range k.place(k.Admission.Place(o, verdict.Warnings)) {
		text := p.Advice
		if text == "" {
			text = fmt.Sprintf("This %s is accepted, but %s warns about it.%s", k.Kind, p.Judge, p.remedy())
		}
		if !strings.Contains(p.Message, "deprecated") || !saidAt(said.Warnings(), p.path) {
			diags.Append(withPath(p, diag.NewWarningDiagnostic(p.Message, text))) // Terraform shows only one of several warnings with the same summary
		}
	}
	return diags
}

// complete returns config with the provider's defaults, and with placeholders for unknown names.
func (k *Kind) complete(run *Run, config values) values {
	config = maps.Clone(config)
	if config[attrNamespace] == nil && run != nil && run.Namespace() != "" {
		config[attrNamespace] = run.Namespace()
	}
	for name, placeholder := range map[string]string{attrName: "unknown-name", attrNamespace: "unknown-namespace"} {
		if config.string(name) == "" {
			config[name] = placeholder
		}
	}
	for _, name := range []string{keyLabels, keyAnnotations} {
		if !spec.Known(config[name]) {
			delete(config, name)
		}
	}
	for attribute, value := range k.Defaults {
		if config[attribute] == nil {
			config[attribute] = value(config.string(attrNamespace), config.string(attrName))
		}
	}
	return config
}

// told returns the warnings that the plan has shown and that the API server repeats.
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

// placed is a finding at an attribute.
type placed struct {
	admission.Finding
	path path.Path   // empty for the whole resource
	with []path.Path // other attributes that conflict with it
}

// remedy returns what to do.
func (p placed) remedy() string {
	if len(p.path.Steps()) == 0 {
		return ""
	}
	remedy := " Change this attribute"
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

// place returns findings with their attributes.
func (k *Kind) place(findings []admission.Finding) (all []placed) {
	for _, f := range findings {
		p := placed{Finding: f}
		for _, field := range f.Fields {
			at, ok := k.at(field)
			if !ok {
				continue
			}
			if len(p.path.Steps()) > 0 {
				p.with = append(p.with, p.path)
			}
			p.path = at
		}
		all = append(all, p)
	}
	return all
}

// unrelated removes a finding about a value if another judge has one about a part of it: both are the same problem, and the part is the better
// place.
func unrelated(all []placed) []placed {
	return slices.DeleteFunc(slices.Clone(all), func(p placed) bool {
		return slices.ContainsFunc(all, func(q placed) bool {
			if p.Judge == q.Judge || len(p.path.Steps()) == 0 {
				return false
			}
			if p.path.Equal(q.path) {
				return q.Judge == admission.Schema
			}
			return below(q.path, p.path)
		})
	})
}

// saidAt reports whether a diagnostic is about a value, a part of it, or a value that contains it.
func saidAt(diags diag.Diagnostics, at path.Path) bool {
	return slices.ContainsFunc(diags, func(d diag.Diagnostic) bool {
		said, ok := d.(diag.DiagnosticWithPath)
		return ok && len(at.Steps()) > 0 && (said.Path().Equal(at) || below(said.Path(), at) || below(at, said.Path()))
	})
}

// below reports whether the value at one is a part of the value at other.
func below(one, other path.Path) bool {
	n := len(other.Steps())
	return n < len(one.Steps()) && slices.EqualFunc(other.Steps(), one.Steps()[:n], path.PathStep.Equal)
}
