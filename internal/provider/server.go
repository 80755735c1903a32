package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/magneticio/terraform-provider-lamia/internal/object"
)

// NewServer makes the provider of the given version as a server of Terraform's protocol 6.
func NewServer(version string) func() tfprotov6.ProviderServer {
	framework := providerserver.NewProtocol6(New(version)())
	return func() tfprotov6.ProviderServer {
		s := framework()
		return server{s, sync.OnceValues(func() (*tfprotov6.GetProviderSchemaResponse, error) {
			return s.GetProviderSchema(context.Background(), &tfprotov6.GetProviderSchemaRequest{})
		})}
	}
}

// server mends what terraform-plugin-framework and Terraform leave to be desired with deeply nested attributes: see namePaths,
// openUnknownElements and sayOnce.
type server struct {
	tfprotov6.ProviderServer
	schemas func() (*tfprotov6.GetProviderSchemaResponse, error)
}

func (s server) ValidateResourceConfig(ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	if err := s.openUnknownElements(req); err != nil {
		return nil, err
	}
	resp, err := s.ProviderServer.ValidateResourceConfig(ctx, req)
	if resp != nil {
		resp.Diagnostics = sayOnce(resp.Diagnostics)
		namePaths(resp.Diagnostics)
	}
	return resp, err
}

func (s server) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	resp, err := s.ProviderServer.ReadResource(ctx, req)
	if resp != nil {
		namePaths(resp.Diagnostics)
	}
	return resp, err
}

func (s server) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	resp, err := s.ProviderServer.PlanResourceChange(ctx, req)
	if resp != nil {
		namePaths(resp.Diagnostics)
	}
	return resp, err
}

func (s server) ApplyResourceChange(ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	resp, err := s.ProviderServer.ApplyResourceChange(ctx, req)
	if resp != nil {
		namePaths(resp.Diagnostics)
	}
	return resp, err
}

// openUnknownElements replaces the elements of lists and maps that are unknown objects, as those of variables are at validation, by
// objects whose attributes are unknown. In the former the framework (v1.19) takes a required attribute for missing.
func (s server) openUnknownElements(req *tfprotov6.ValidateResourceConfigRequest) error {
	schemas, err := s.schemas()
	if err != nil {
		return err
	}
	schema, ok := schemas.ResourceSchemas[req.TypeName]
	if !ok || req.Config == nil {
		return nil // the framework's to refuse
	}
	config, err := req.Config.Unmarshal(schema.ValueType())
	if err != nil {
		return err
	}
	config, err = tftypes.Transform(config, func(at *tftypes.AttributePath, v tftypes.Value) (tftypes.Value, error) {
		object, isObject := v.Type().(tftypes.Object)
		if _, isAttribute := at.LastStep().(tftypes.AttributeName); !isObject || isAttribute || v.IsKnown() {
			return v, nil
		}
		attributes := make(map[string]tftypes.Value, len(object.AttributeTypes))
		for name, t := range object.AttributeTypes {
			attributes[name] = tftypes.NewValue(t, tftypes.UnknownValue)
		}
		return tftypes.NewValue(object, attributes), nil
	})
	if err != nil {
		return err
	}
	opened, err := tfprotov6.NewDynamicValue(schema.ValueType(), config)
	req.Config = &opened
	return err
}

// sayOnce leaves out rules that are broken by a value, or a part of it, that the schema refuses anyway, and warnings that an attribute is
// deprecated which the schema gives, too. The framework validates the schema last, and does not tell the resource what came of it.
func sayOnce(diagnostics []*tfprotov6.Diagnostic) []*tfprotov6.Diagnostic {
	return slices.DeleteFunc(slices.Clone(diagnostics), func(rule *tfprotov6.Diagnostic) bool {
		return rule.Attribute != nil && slices.ContainsFunc(diagnostics, func(d *tfprotov6.Diagnostic) bool {
			if d == rule || d.Severity != rule.Severity || d.Attribute == nil {
				return false
			}
			if d.Severity == tfprotov6.DiagnosticSeverityWarning {
				return d.Summary == "Attribute Deprecated" && strings.Contains(rule.Summary, "deprecated") && rule.Attribute.Equal(d.Attribute)
			}
			these, those := rule.Attribute.Steps(), d.Attribute.Steps()
			n := min(len(these), len(those))
			return rule.Summary == object.RuleBroken && d.Summary != object.RuleBroken &&
				tftypes.NewAttributePathWithSteps(these[:n]).Equal(tftypes.NewAttributePathWithSteps(those[:n]))
		})
	})
}

// namePaths names in the text of each diagnostic the nested attribute that it is about, and leaves Terraform the attribute of the resource
// that it lies in to point at. Of a longer path Terraform shows nothing: it points at the resource block, which may hold hundreds of
// attributes, or even at another attribute that has the name of the last step.
func namePaths(diagnostics []*tfprotov6.Diagnostic) {
	for _, d := range diagnostics {
		if d.Attribute == nil || len(d.Attribute.Steps()) < 2 {
			continue
		}
		if at := pathString(d.Attribute); !strings.Contains(d.Detail, at) {
			d.Detail = "At " + at + ": " + d.Detail
		}
		d.Attribute = tftypes.NewAttributePathWithSteps(d.Attribute.Steps()[:1])
	}
}

// pathString spells a path as the configuration does, such as http[0].match[1].headers["x-user"].exact.
func pathString(path *tftypes.AttributePath) string {
	var b strings.Builder
	for i, step := range path.Steps() {
		switch s := step.(type) {
		case tftypes.AttributeName:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(string(s))
		case tftypes.ElementKeyInt:
			fmt.Fprintf(&b, "[%d]", int64(s))
		case tftypes.ElementKeyString:
			fmt.Fprintf(&b, "[%q]", string(s))
		}
	}
	return b.String()
}
