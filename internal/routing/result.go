package routing

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

var (
	destinationTypes = map[string]attr.Type{
		"host": types.StringType, "subset": types.StringType, "port": types.Int64Type, "share": types.Float64Type, "exists": types.BoolType,
	}
	ruleTypes  = map[string]attr.Type{"virtual_service": types.StringType, "rule": types.Int64Type}
	retryTypes = map[string]attr.Type{"attempts": types.Int64Type, "retry_on": types.StringType, "per_try_timeout": types.StringType}
	faultTypes = map[string]attr.Type{
		"delay": types.StringType, "delay_share": types.Float64Type, "abort_status": types.Int64Type, "abort_share": types.Float64Type,
	}
	// resultTypes are the attributes of a result.
	resultTypes = map[string]attr.Type{
		"outcome": types.StringType, "status": types.Int64Type, "reason": types.StringType,
		"destinations":    types.ListType{ElemType: types.ObjectType{AttrTypes: destinationTypes}},
		"mirrors":         types.ListType{ElemType: types.ObjectType{AttrTypes: destinationTypes}},
		"virtual_service": types.StringType, "rule": types.Int64Type,
		"later": types.ListType{ElemType: types.ObjectType{AttrTypes: ruleTypes}},
		"path":  types.StringType, "host": types.StringType, "redirect": types.StringType, "body": types.StringType, "timeout": types.StringType,
		"retries": types.ObjectType{AttrTypes: retryTypes}, "fault": types.ObjectType{AttrTypes: faultTypes},
	}
)

// resultDescription describes the attributes of a result.
const resultDescription = "The result:\n\n- `outcome`: `forwarded`; `redirected`; `answered`: the proxy itself sends a direct response; `not_found`: 404, no " +
	"rule matches; `unavailable`: 503, no destination exists; `refused`: nothing listens for the request; `passed`: no rule applies, and the sidecar passes the " +
	"request on unchanged.\n- `status`: the status if the proxy itself answers. `reason`: why it does, or why a destination fails. `body`: the body of a direct " +
	"response. `redirect`: the URL of a redirect.\n- `destinations`: each with `host`, `subset`, `port`, its `share` of requests from 0 to 1, and whether it " +
	"`exists`: requests to one that does not exist fail with 503.\n- `virtual_service` and `rule`: the rule that applies, as `<namespace>/<name>` and the index " +
	"in `http`. `later`: later rules that the request also matches.\n- `path` and `host`: what the destination sees. `timeout`, `retries`, `mirrors`, " +
	"`fault`: the rule's other effects."

func orNull(s string) attr.Value {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

func numberOrNull(n int) attr.Value {
	if n == 0 {
		return types.Int64Null()
	}
	return types.Int64Value(int64(n))
}

// value converts the result to a Terraform value.
func (r Result) value() types.Object {
	rule := types.Int64Null()
	if r.Rule >= 0 {
		rule = types.Int64Value(int64(r.Rule))
	}
	later := []attr.Value{}
	for _, l := range r.Later {
		later = append(later, types.ObjectValueMust(ruleTypes, map[string]attr.Value{
			"virtual_service": types.StringValue(l.VirtualService), "rule": types.Int64Value(int64(l.Rule)),
		}))
	}
	retries, fault := types.ObjectNull(retryTypes), types.ObjectNull(faultTypes)
	if t := r.Retries; t != nil {
		retries = types.ObjectValueMust(retryTypes, map[string]attr.Value{
			"attempts": types.Int64Value(int64(t.Attempts)), "retry_on": orNull(t.On), "per_try_timeout": orNull(t.PerTryTimeout),
		})
	}
	if f := r.Fault; f != nil {
		fault = types.ObjectValueMust(faultTypes, map[string]attr.Value{
			"delay": orNull(f.Delay), "delay_share": types.Float64Value(f.DelayShare),
			"abort_status": numberOrNull(f.Abort), "abort_share": types.Float64Value(f.AbortShare),
		})
	}
	return types.ObjectValueMust(resultTypes, map[string]attr.Value{
		"outcome": types.StringValue(r.Outcome), "status": numberOrNull(r.Status), "reason": orNull(r.Reason),
		"destinations": destinationValues(r.Destinations), "mirrors": destinationValues(r.Mirrors),
		"virtual_service": orNull(r.VirtualService), "rule": rule,
		"later": types.ListValueMust(types.ObjectType{AttrTypes: ruleTypes}, later),
		"path":  orNull(r.Path), "host": orNull(r.Host), "redirect": orNull(r.Redirect), "body": orNull(r.Body), "timeout": orNull(r.Timeout),
		"retries": retries, "fault": fault,
	})
}

func destinationValues(all []Destination) types.List {
	values := []attr.Value{}
	for _, d := range all {
		values = append(values, types.ObjectValueMust(destinationTypes, map[string]attr.Value{
			"host": types.StringValue(d.Host), "subset": orNull(d.Subset), "port": types.Int64Value(int64(d.Port)),
			"share": types.Float64Value(d.Share), "exists": types.BoolValue(d.Exists),
		}))
	}
	return types.ListValueMust(types.ObjectType{AttrTypes: destinationTypes}, values)
}
