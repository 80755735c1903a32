package object

import (
	"context"
	"errors"
	"reflect"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// replacing marks, in the private state, that the object was planned while it was there. Terraform plans what it replaces a second time, as
// if it were not.
const replacing = "replacing"

// ModifyPlan fills in what is known before the object is: its namespace, id and whatever else follows from its name, or from an
// object that stays.
func (r *object) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if !req.State.Raw.IsNull() {
		r.walk.planned(r.kind.ref(valuesOf(req.State.Raw)))
	}
	if req.Plan.Raw.IsNull() { // to be destroyed
		return
	}
	config, plan := valuesOf(req.Config.Raw), valuesOf(req.Plan.Raw)
	if config[attrNamespace].IsNull() {
		plan[attrNamespace] = tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
		if namespace := r.walk.Namespace(); namespace != "" {
			plan[attrNamespace] = tftypes.NewValue(tftypes.String, namespace)
		}
	}
	named := plan[attrName].IsKnown() && plan[attrNamespace].IsKnown()
	namespace, name := plan.string(attrNamespace), plan.string(attrName)
	for attribute, value := range r.kind.Defaults {
		switch {
		case !config[attribute].IsNull():
		case named:
			plan[attribute] = value(namespace, name)
		default:
			plan[attribute] = tftypes.NewValue(plan[attribute].Type(), tftypes.UnknownValue)
		}
	}
	if r.kind.Companions != nil {
		companions, err := r.kind.planned(plan)
		if value := (*spec.Error)(nil); errors.As(err, &value) {
			resp.Diagnostics.AddAttributeError(value.Path, "Invalid Value", "The value "+value.Err.Error()+".")
			return
		} else if err != nil {
			resp.Diagnostics.AddError("Invalid "+r.kind.Companions.Tuning.Name, err.Error())
			return
		}
		plan[attrCompanions] = companions
	}
	var state values // nil, when the object is to be created
	if !req.State.Raw.IsNull() {
		state = valuesOf(req.State.Raw)
		for _, name := range []string{attrName, attrNamespace} {
			if !plan[name].Equal(state[name]) {
				resp.RequiresReplace = append(resp.RequiresReplace, path.Root(name))
			}
		}
		for _, f := range r.kind.immutable() {
			if !sameJSON(f, plan[f.Name], state[f.Name]) {
				resp.RequiresReplace = append(resp.RequiresReplace, path.Root(f.Name))
			}
		}
	}
	if state != nil && len(resp.RequiresReplace) == 0 {
		plan[attrUID] = state[attrUID]
	}
	if named {
		plan[attrID] = tftypes.NewValue(tftypes.String, id(namespace, name))
	}
	for attribute, c := range r.kind.Computed {
		switch {
		case c.Plan != nil && named:
			plan[attribute] = c.Plan(namespace, name)
		case state != nil && len(resp.RequiresReplace) == 0 && unchanged(c.DependsOn, plan, state):
			plan[attribute] = state[attribute]
		default:
			plan[attribute] = tftypes.NewValue(plan[attribute].Type(), tftypes.UnknownValue)
		}
	}
	resp.Plan.Raw = plan.raw(req.Plan.Raw.Type())

	again, diags := req.Private.GetKey(ctx, replacing)
	resp.Diagnostics.Append(diags...)
	if state == nil && again != nil {
		resp.Diagnostics.Append(resp.Private.SetKey(ctx, replacing, nil)...)
		return
	}
	if state != nil {
		resp.Diagnostics.Append(resp.Private.SetKey(ctx, replacing, []byte("true"))...)
	}
	r.dryRun(ctx, state, plan, len(resp.RequiresReplace) > 0, req.Plan.GetAttribute, &resp.Diagnostics)
}

func unchanged(attributes []string, plan, state values) bool {
	for _, name := range attributes {
		if !plan.at(name).Equal(state.at(name)) {
			return false
		}
	}
	return true
}

// sameJSON reports whether both values are the same to the API server, as false and null are of a [spec.Flag].
func sameJSON(f spec.Field, a, b tftypes.Value) bool {
	m := spec.Message{Fields: []spec.Field{f}}
	one, err := m.Encode(values{f.Name: a}.raw(m.Type()))
	if err != nil {
		return false
	}
	other, err := m.Encode(values{f.Name: b}.raw(m.Type()))
	return err == nil && reflect.DeepEqual(one, other)
}
