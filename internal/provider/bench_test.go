package provider_test

import (
	"context"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/magneticio/terraform-provider-lamia/internal/provider"
)

// BenchmarkServer measures what Terraform calls most often for a destination rule, the largest kind with 273 attributes in nested objects.
func BenchmarkServer(b *testing.B) {
	b.Setenv("KUBE_HOST", "https://127.0.0.1:1")
	b.Setenv("KUBE_DRY_RUN", "never") // nothing here needs the cluster
	ctx := context.Background()
	server := provider.NewServer("bench", "")()
	schemas, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		b.Fatal(err)
	}
	provider := schemas.Provider.ValueType()
	configure, err := tfprotov6.NewDynamicValue(provider, tftypes.NewValue(provider, nulls(provider.(tftypes.Object))))
	if err != nil {
		b.Fatal(err)
	}
	if resp, err := server.ConfigureProvider(ctx, &tfprotov6.ConfigureProviderRequest{Config: &configure}); err != nil || len(resp.Diagnostics) > 0 {
		b.Fatal(resp, err)
	}
	rule := schemas.ResourceSchemas["lamia_destination_rule"].ValueType().(tftypes.Object)
	attributes := nulls(rule)
	attributes["name"] = tftypes.NewValue(tftypes.String, "dr-1")
	attributes["host"] = tftypes.NewValue(tftypes.String, "svc-1")
	subsets := rule.AttributeTypes["subsets"].(tftypes.List)
	var list []tftypes.Value
	for _, name := range []string{"subset1", "subset2", "subset3"} {
		subset := nulls(subsets.ElementType.(tftypes.Object))
		subset["name"] = tftypes.NewValue(tftypes.String, name)
		list = append(list, tftypes.NewValue(subsets.ElementType, subset))
	}
	attributes["subsets"] = tftypes.NewValue(subsets, list)
	config, err := tfprotov6.NewDynamicValue(rule, tftypes.NewValue(rule, attributes))
	if err != nil {
		b.Fatal(err)
	}
	absent, err := tfprotov6.NewDynamicValue(rule, tftypes.NewValue(rule, nil))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("validate", func(b *testing.B) {
		for b.Loop() {
			resp, err := server.ValidateResourceConfig(ctx, &tfprotov6.ValidateResourceConfigRequest{TypeName: "lamia_destination_rule", Config: &config})
			if err != nil || len(resp.Diagnostics) > 0 {
				b.Fatal(resp, err)
			}
		}
	})
	b.Run("plan", func(b *testing.B) {
		for b.Loop() {
			resp, err := server.PlanResourceChange(ctx, &tfprotov6.PlanResourceChangeRequest{
				TypeName: "lamia_destination_rule", Config: &config, ProposedNewState: &config, PriorState: &absent,
			})
			if err != nil || len(resp.Diagnostics) > 0 {
				b.Fatal(resp, err)
			}
		}
	})
}
