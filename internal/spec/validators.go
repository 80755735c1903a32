package spec

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// atMostOne validates that of the attributes of a protobuf oneof one at most is set.
type atMostOne []string

func (names atMostOne) Description(context.Context) string {
	return "at most one of " + strings.Join(names, ", ") + " may be set"
}

func (names atMostOne) MarkdownDescription(ctx context.Context) string { return names.Description(ctx) }

func (names atMostOne) ValidateObject(_ context.Context, req validator.ObjectRequest, resp *validator.ObjectResponse) {
	attributes := req.ConfigValue.Attributes()
	var set []string
	for _, name := range names {
		// An unknown value may turn out to be null.
		if v, ok := attributes[name]; ok && !v.IsNull() && !v.IsUnknown() {
			set = append(set, name)
		}
	}
	if len(set) > 1 {
		resp.Diagnostics.AddAttributeError(req.Path.AtName(set[1]), "Too Many Attributes Set",
			fmt.Sprintf("Only one of %s may be set, but %s are. Remove all but one.",
				strings.Join(names, ", "), strings.Join(set, " and ")))
	}
}

// wholeNumber validates an integer. An Int64Attribute would call a fraction an error of the provider.
type wholeNumber struct{ low, high int64 }

func (n wholeNumber) Description(context.Context) string {
	return fmt.Sprintf("must be a whole number from %d to %d", n.low, n.high)
}

func (n wholeNumber) MarkdownDescription(ctx context.Context) string { return n.Description(ctx) }

func (n wholeNumber) ValidateNumber(_ context.Context, req validator.NumberRequest, resp *validator.NumberResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if _, err := n.int64(req.ConfigValue.ValueBigFloat()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid Number", "The value "+err.Error()+".")
	}
}

func (n wholeNumber) int64(f *big.Float) (int64, error) {
	i, accuracy := f.Int64()
	if accuracy != big.Exact || i < n.low || i > n.high {
		return 0, fmt.Errorf("is %s; it must be a whole number from %d to %d", f.Text('g', -1), n.low, n.high)
	}
	return i, nil
}

// minDuration validates that a duration is at least this long.
type minDuration time.Duration

func (d minDuration) Description(context.Context) string {
	return "must be at least " + time.Duration(d).String()
}

func (d minDuration) MarkdownDescription(ctx context.Context) string { return d.Description(ctx) }

func (d minDuration) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	// What is no duration at all is the type's to say.
	if v, err := time.ParseDuration(req.ConfigValue.ValueString()); err == nil && v < time.Duration(d) {
		resp.Diagnostics.AddAttributeError(req.Path, "Duration Too Short",
			fmt.Sprintf("The duration %s %s.", req.ConfigValue.ValueString(), d.Description(ctx)))
	}
}

// isBase64 validates bytes.
type isBase64 struct{}

func (isBase64) Description(context.Context) string { return "must be base64" }

func (v isBase64) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (isBase64) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if _, err := base64.StdEncoding.DecodeString(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Not Base64",
			fmt.Sprintf("The value must be bytes in base64, as the function base64encode makes it: %s.", err))
	}
}
