package provider_test

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/magneticio/terraform-provider-lamia/internal/provider"
)

// validate returns the diagnostics for a lamia_service_entry with one port, which is given by its attributes or unknown as a whole.
func validate(t *testing.T, port any) []*tfprotov6.Diagnostic {
	t.Helper()
	ctx := context.Background()
	server := provider.NewServer("test", "")()
	schemas, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	entry := schemas.ResourceSchemas["lamia_service_entry"].ValueType().(tftypes.Object)
	config := nulls(entry)
	hosts := entry.AttributeTypes["hosts"]
	config["name"] = tftypes.NewValue(tftypes.String, "se-1")
	config["hosts"] = tftypes.NewValue(hosts, []tftypes.Value{tftypes.NewValue(tftypes.String, "vamp-gw2-test.democluster.net")})
	ports := entry.AttributeTypes["ports"].(tftypes.List)
	config["ports"] = tftypes.NewValue(ports, []tftypes.Value{tftypes.NewValue(ports.ElementType, port)})
	value, err := tfprotov6.NewDynamicValue(entry, tftypes.NewValue(entry, config))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.ValidateResourceConfig(ctx, &tfprotov6.ValidateResourceConfigRequest{TypeName: "lamia_service_entry", Config: &value})
	if err != nil {
		t.Fatal(err)
	}
	return resp.Diagnostics
}

func nulls(object tftypes.Object) map[string]tftypes.Value {
	attributes := make(map[string]tftypes.Value)
	for name, t := range object.AttributeTypes {
		attributes[name] = tftypes.NewValue(t, nil)
	}
	return attributes
}

func port(number any) map[string]tftypes.Value {
	return map[string]tftypes.Value{
		"number": tftypes.NewValue(tftypes.Number, number), "name": tftypes.NewValue(tftypes.String, "http"),
		"protocol": tftypes.NewValue(tftypes.String, "HTTP"), "target_port": tftypes.NewValue(tftypes.Number, nil),
	}
}

// An object variable as a list element, as in ports = [var.port], is unknown while Terraform validates.
func TestServer_unknownElementsAreValid(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]any{"known": port(80), "unknown number": port(tftypes.UnknownValue), "unknown element": tftypes.UnknownValue} {
		for _, d := range validate(t, value) {
			t.Errorf("%s: %s: %s", name, d.Summary, d.Detail)
		}
	}
}

func TestServer_diagnosticsNameNestedAttributes(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]any{"negative": port(-1), "missing": port(nil), "a rule's, too": port(0)} {
		diagnostics := validate(t, value)
		if len(diagnostics) != 1 || !strings.Contains(diagnostics[0].Detail, "ports[0].number") {
			t.Errorf("%s: want one diagnostic that names ports[0].number, got %d", name, len(diagnostics))
			for _, d := range diagnostics {
				t.Logf("%s: %s", d.Summary, d.Detail)
			}
		}
	}
}
