package engine

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// DataAttributes returns the attributes of the kind's data source: those of its resource that describe the object, not Terraform's behavior.
func (k *Kind) DataAttributes() *spec.Message {
	m := &spec.Message{}
	left := []string{attrTimeouts, attrWait, attrEffectiveLabels, attrEffectiveAnnotations, attrCompanions, attrCompanionChanges}
	if k.Companions != nil {
		left = append(left, k.Companions.Tuning.Name)
	}
	for _, f := range k.Attributes().Fields {
		if !slices.Contains(left, f.Name) {
			m.Fields = append(m.Fields, f)
		}
	}
	return m.Unfilled()
}

// DataSchema returns the schema of the kind's data source, derived from that of its resource.
func (k *Kind) DataSchema(resource *tfprotov6.Schema) *tfprotov6.Schema {
	block := &tfprotov6.SchemaBlock{Description: k.DataSource, DescriptionKind: tfprotov6.StringKindMarkdown}
	m := k.DataAttributes()
	for _, a := range resource.Block.Attributes {
		if m.Named(a.Name) == nil {
			continue
		}
		a = readOnly(a)
		switch a.Name {
		case attrName:
			a.Required, a.Computed, a.Description = true, false, "The name of the "+k.Kind+"."
		case attrNamespace:
			a.Optional, a.Description = true, "The namespace of the "+k.Kind+". By default the provider's `namespace`, else `default`."
		case attrLabels, attrAnnotations:
			a.Description = "All " + a.Name + " of the object."
		}
		block.Attributes = append(block.Attributes, a)
	}
	return &tfprotov6.Schema{Block: block}
}

func readOnly(a *tfprotov6.SchemaAttribute) *tfprotov6.SchemaAttribute {
	r := *a
	r.Required, r.Optional, r.Computed = false, false, true
	if a.NestedType != nil {
		nested := *a.NestedType
		nested.Attributes = nil
		for _, inner := range a.NestedType.Attributes {
			nested.Attributes = append(nested.Attributes, readOnly(inner))
		}
		r.NestedType = &nested
	}
	return &r
}

// ReadDataSource reads the object that a data source names, whoever created it.
func (k *Kind) ReadDataSource(ctx context.Context, run *Run, req *tfprotov6.ReadDataSourceRequest) (*tfprotov6.ReadDataSourceResponse, error) {
	if run.deferred {
		return &tfprotov6.ReadDataSourceResponse{State: req.Config, Deferred: &tfprotov6.Deferred{Reason: tfprotov6.DeferredReasonProviderConfigUnknown}}, nil
	}
	m := k.DataAttributes()
	config, err := m.Unmarshal(req.Config.MsgPack)
	if err != nil {
		return nil, err
	}
	v := values{attrName: config[attrName], attrNamespace: config[attrNamespace]}
	if v[attrNamespace] == nil {
		v[attrNamespace] = run.Namespace()
	}
	var diagnostics diag.Diagnostics
	state := k.readData(ctx, run, v, &diagnostics)
	resp := &tfprotov6.ReadDataSourceResponse{Diagnostics: report(diagnostics)}
	if state != nil {
		data, err := m.Marshal(state)
		if err != nil {
			return nil, err
		}
		resp.State = &tfprotov6.DynamicValue{MsgPack: data}
	}
	return resp, nil
}

func (k *Kind) readData(ctx context.Context, run *Run, v values, diagnostics *diag.Diagnostics) values {
	s := k.open(ctx, run, v, "read", diagnostics)
	if s == nil {
		return nil
	}
	defer s.close()
	live, err := s.get()
	if err != nil {
		s.fail("get", err)
		return nil
	}
	content, _, err := unstructured.NestedMap(live.Object, "spec")
	var tree map[string]any
	if err == nil {
		tree, _, err = k.Spec.Unfilled().Observe(content, nil)
	}
	stored := Stored{Unstructured: live}
	if err == nil && k.Companions != nil && k.Companions.Has(s.ref.Namespace, s.ref.Name, content) {
		stored.Companions, err = s.findAll(s.cluster.Get, map[string]bool{"Service": true}, true)
	}
	if err != nil {
		s.fail("get", err)
		return nil
	}
	for name, value := range tree {
		v.set(name, value)
	}
	v.set(keyLabels, stringMap(live.GetLabels()))
	v.set(keyAnnotations, stringMap(live.GetAnnotations()))
	k.compute(v, stored, nil)
	return v
}
