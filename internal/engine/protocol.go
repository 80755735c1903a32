package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// ValidateResourceConfig checks a configuration. run is nil while the provider is not configured.
func (k *Kind) ValidateResourceConfig(run *Run, req *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	config, err := k.unmarshal(req.Config)
	if err != nil {
		return nil, err
	}
	return &tfprotov6.ValidateResourceConfigResponse{Diagnostics: report(k.validate(run, config))}, nil
}

// UpgradeResourceState reads the state file. There is only one version so far. Terraform calls it whether it refreshes or not.
func (k *Kind) UpgradeResourceState(run *Run, req *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	if req.RawState == nil {
		return &tfprotov6.UpgradeResourceStateResponse{}, nil
	}
	state, err := k.Attributes().UnmarshalState(req.RawState.JSON)
	if err != nil {
		return nil, fmt.Errorf("the state of a lamia_%s cannot be read: %w", k.Type, err)
	}
	if run != nil && state != nil {
		run.read(k.ref(state))
	}
	upgraded, err := k.marshal(state)
	return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: upgraded}, err
}

// ReadResource reads the object. If nothing has changed, it returns the state that it received.
func (k *Kind) ReadResource(ctx context.Context, run *Run, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	resp := &tfprotov6.ReadResourceResponse{NewState: req.CurrentState, Private: req.Private, NewIdentity: req.CurrentIdentity}
	if run.deferred {
		resp.Deferred = &tfprotov6.Deferred{Reason: tfprotov6.DeferredReasonProviderConfigUnknown}
		return resp, nil
	}
	state, err := k.unmarshal(req.CurrentState)
	if err != nil || state == nil {
		return resp, err
	}
	private, err := unmarshalPrivate(req.Private)
	if err != nil {
		return nil, err
	}
	var diagnostics diag.Diagnostics
	now := k.read(ctx, run, state, private, &diagnostics)
	resp.Diagnostics = report(diagnostics)
	if resp.Private, err = private.marshal(req.Private); err != nil {
		return nil, err
	}
	if now != nil {
		if resp.NewIdentity, err = identify(now); err != nil {
			return nil, err
		}
	}
	resp.NewState, err = k.marshalUnless(state, req.CurrentState, now)
	return resp, err
}

// PlanResourceChange plans a change.
func (k *Kind) PlanResourceChange(ctx context.Context, run *Run, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	resp := &tfprotov6.PlanResourceChangeResponse{PlannedState: req.ProposedNewState, PlannedPrivate: req.PriorPrivate, PlannedIdentity: req.PriorIdentity}
	if run.deferred {
		resp.Deferred = &tfprotov6.Deferred{Reason: tfprotov6.DeferredReasonProviderConfigUnknown}
	}
	prior, err := k.unmarshal(req.PriorState)
	if err != nil {
		return nil, err
	}
	proposed, err := k.unmarshal(req.ProposedNewState)
	if err != nil {
		return nil, err
	}
	if prior != nil {
		run.planned(k.ref(prior))
	}
	if proposed == nil { // the object is to be destroyed
		return resp, nil
	}
	config, err := k.unmarshal(req.Config)
	if err != nil {
		return nil, err
	}
	private, err := unmarshalPrivate(req.PriorPrivate)
	if err != nil {
		return nil, err
	}
	var diagnostics diag.Diagnostics
	planned, replaces := k.plan(ctx, run, config, prior, proposed, private, &diagnostics)
	resp.Diagnostics = report(diagnostics)
	for _, name := range replaces {
		resp.RequiresReplace = append(resp.RequiresReplace, tftypes.NewAttributePath().WithAttributeName(name))
	}
	if resp.PlannedPrivate, err = private.marshal(req.PriorPrivate); err != nil {
		return nil, err
	}
	resp.PlannedState, err = k.marshalUnless(proposed, req.ProposedNewState, planned)
	return resp, err
}

// ApplyResourceChange creates, updates or deletes the object.
func (k *Kind) ApplyResourceChange(ctx context.Context, run *Run, req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	prior, err := k.unmarshal(req.PriorState)
	if err != nil {
		return nil, err
	}
	planned, err := k.unmarshal(req.PlannedState)
	if err != nil {
		return nil, err
	}
	private, err := unmarshalPrivate(req.PlannedPrivate)
	if err != nil {
		return nil, err
	}
	run.applying.Store(true)
	var diagnostics diag.Diagnostics
	var state values
	switch {
	case planned == nil:
		state = k.delete(ctx, run, prior, private, &diagnostics)
	case prior == nil:
		state = k.create(ctx, run, planned, private, &diagnostics)
	default:
		state = k.update(ctx, run, prior, planned, &diagnostics)
	}
	resp := &tfprotov6.ApplyResourceChangeResponse{Diagnostics: report(diagnostics), NewIdentity: req.PlannedIdentity}
	if state != nil {
		if resp.NewIdentity, err = identify(state); err != nil {
			return nil, err
		}
		if resp.Private, err = private.marshal(req.PlannedPrivate); err != nil {
			return nil, err
		}
	}
	resp.NewState, err = k.marshal(state)
	return resp, err
}

func (k *Kind) unmarshal(value *tfprotov6.DynamicValue) (values, error) {
	if value == nil || len(value.MsgPack) == 0 {
		return nil, fmt.Errorf("terraform sent no value of a lamia_%s", k.Type)
	}
	tree, err := k.Attributes().Unmarshal(value.MsgPack)
	if err != nil {
		return nil, fmt.Errorf("a value of a lamia_%s cannot be read: %w", k.Type, err)
	}
	return tree, nil
}

func (k *Kind) marshal(v values) (*tfprotov6.DynamicValue, error) {
	data, err := k.Attributes().Marshal(v)
	return &tfprotov6.DynamicValue{MsgPack: data}, err
}

// marshalUnless encodes v, or returns the value that Terraform sent if v is the same.
func (k *Kind) marshalUnless(sent values, as *tfprotov6.DynamicValue, v values) (*tfprotov6.DynamicValue, error) {
	if equal(map[string]any(sent), map[string]any(v)) {
		return as, nil
	}
	return k.marshal(v)
}

// private is the provider's data in the private state, in the format of terraform-plugin-framework.
type private map[string][]byte

func unmarshalPrivate(data []byte) (private, error) {
	p := private{}
	if len(data) == 0 {
		return p, nil
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("the private data of a state cannot be read: %w", err)
	}
	return p, nil
}

// mark returns the mark of an object that may have been created, if known.
func (p private) mark() (mark string, ok bool) {
	err := json.Unmarshal(p[unconfirmed], &mark)
	return mark, err == nil
}

// marshal encodes p, or returns the value that Terraform sent if p is unchanged.
func (p private) marshal(came []byte) ([]byte, error) {
	if before, err := unmarshalPrivate(came); err == nil && maps.EqualFunc(before, p, bytes.Equal) {
		return came, nil
	}
	return json.Marshal(p)
}

// report converts diagnostics for Terraform, each once.
func report(diagnostics diag.Diagnostics) (reported []*tfprotov6.Diagnostic) {
	for _, d := range diagnostics {
		r := &tfprotov6.Diagnostic{Severity: tfprotov6.DiagnosticSeverityError, Summary: d.Summary(), Detail: d.Detail()}
		if d.Severity() == diag.SeverityWarning {
			r.Severity = tfprotov6.DiagnosticSeverityWarning
		}
		if at, ok := d.(diag.DiagnosticWithPath); ok {
			r.Attribute = attributePath(at.Path())
		}
		if !slices.ContainsFunc(reported, func(said *tfprotov6.Diagnostic) bool {
			return said.Detail == r.Detail && said.Summary == r.Summary && said.Attribute.Equal(r.Attribute)
		}) {
			reported = append(reported, r)
		}
	}
	return reported
}

// attributePath converts a path for Terraform.
func attributePath(p path.Path) *tftypes.AttributePath {
	at := tftypes.NewAttributePath()
	for _, step := range p.Steps() {
		switch step := step.(type) {
		case path.PathStepAttributeName:
			at = at.WithAttributeName(string(step))
		case path.PathStepElementKeyInt:
			at = at.WithElementKeyInt(int(step))
		case path.PathStepElementKeyString:
			at = at.WithElementKeyString(string(step))
		}
	}
	return at
}
