package spec

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/attr/xattr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

var (
	_ basetypes.StringTypable                    = durationType{}
	_ basetypes.StringValuableWithSemanticEquals = duration{}
	_ xattr.ValidateableAttribute                = duration{}
)

// durationType is the type of strings that time.ParseDuration reads; those of the same length are the same value. It is
// timetypes.GoDuration with an error for people who write Istio, not Go.
type durationType struct{ basetypes.StringType }

func (t durationType) Equal(o attr.Type) bool {
	_, ok := o.(durationType)
	return ok
}

func (durationType) String() string { return "spec.durationType" }

func (durationType) ValueType(context.Context) attr.Value { return duration{} }

func (durationType) ValueFromString(_ context.Context, v basetypes.StringValue) (basetypes.StringValuable, diag.Diagnostics) {
	return duration{v}, nil
}

func (t durationType) ValueFromTerraform(ctx context.Context, v tftypes.Value) (attr.Value, error) {
	s, err := t.StringType.ValueFromTerraform(ctx, v)
	if err != nil {
		return nil, err
	}
	return duration{s.(basetypes.StringValue)}, nil
}

type duration struct{ basetypes.StringValue }

func (duration) Type(context.Context) attr.Type { return durationType{} }

func (d duration) Equal(o attr.Value) bool {
	other, ok := o.(duration)
	return ok && d.StringValue.Equal(other.StringValue)
}

func (d duration) StringSemanticEquals(_ context.Context, o basetypes.StringValuable) (bool, diag.Diagnostics) {
	other, ok := o.(duration)
	return ok && canonicalDuration(d.ValueString()) == canonicalDuration(other.ValueString()), nil
}

func (d duration) ValidateAttribute(_ context.Context, req xattr.ValidateAttributeRequest, resp *xattr.ValidateAttributeResponse) {
	if d.IsNull() || d.IsUnknown() {
		return
	}
	if _, err := time.ParseDuration(d.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid Duration",
			fmt.Sprintf("%q is no duration. Write numbers, each with a unit out of h, m, s and ms, such as 1h30m, 10s, 1.5s or 250ms.", d.ValueString()))
	}
}
