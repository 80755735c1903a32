package provider_test

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/magneticio/terraform-provider-lamia/internal/provider"
)

// unknownHost is a provider server whose host is not known yet.
type unknownHost struct {
	t *testing.T
	tfprotov6.ProviderServer
	schemas *tfprotov6.GetProviderSchemaResponse
}

func newUnknownHost(t *testing.T, deferral bool) unknownHost {
	t.Helper()
	server := provider.NewServer("test", "")()
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	s := unknownHost{t, server, schemas}
	resp, err := server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{
		Config: s.value(schemas.Provider, map[string]tftypes.Value{
			"host": tftypes.NewValue(tftypes.String, tftypes.UnknownValue), "dry_run": tftypes.NewValue(tftypes.String, "required"),
		}),
		ClientCapabilities: &tfprotov6.ConfigureProviderClientCapabilities{DeferralAllowed: deferral},
	})
	if err != nil || len(resp.Diagnostics) > 0 {
		t.Fatal(resp, err)
	}
	return s
}

// value returns an object of the schema with these attributes, or null if given is nil.
func (s unknownHost) value(schema *tfprotov6.Schema, given map[string]tftypes.Value) *tfprotov6.DynamicValue {
	s.t.Helper()
	object := schema.ValueType().(tftypes.Object)
	v := tftypes.NewValue(object, nil)
	if given != nil {
		attributes := nulls(object)
		for name, value := range given {
			attributes[name] = value
		}
		v = tftypes.NewValue(object, attributes)
	}
	dynamic, err := tfprotov6.NewDynamicValue(object, v)
	if err != nil {
		s.t.Fatal(err)
	}
	return &dynamic
}

func (s unknownHost) plan(given, prior map[string]tftypes.Value) *tfprotov6.PlanResourceChangeResponse {
	s.t.Helper()
	schema := s.schemas.ResourceSchemas["lamia_service"]
	config := s.value(schema, given)
	resp, err := s.PlanResourceChange(s.t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: "lamia_service", Config: config, ProposedNewState: config, PriorState: s.value(schema, prior),
	})
	if err != nil || len(resp.Diagnostics) > 0 {
		s.t.Fatal(resp, err)
	}
	return resp
}

// reads sends all requests that need the cluster, and returns what is deferred and the diagnostics, by name.
func (s unknownHost) reads(ctx context.Context) (deferred map[string]*tfprotov6.Deferred, diagnostics map[string][]*tfprotov6.Diagnostic) {
	s.t.Helper()
	deferred, diagnostics = map[string]*tfprotov6.Deferred{}, map[string][]*tfprotov6.Diagnostic{}
	must := func(err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
	}
	service := s.schemas.ResourceSchemas["lamia_service"]
	state := s.value(service, named)
	read, err := s.ReadResource(ctx, &tfprotov6.ReadResourceRequest{TypeName: "lamia_service", CurrentState: state})
	must(err)
	deferred["read"], diagnostics["read"] = read.Deferred, read.Diagnostics
	for name, object := range map[string]map[string]tftypes.Value{"lamia_virtual_cluster": {"name": tftypes.NewValue(tftypes.String, "a")}, "lamia_virtual_clusters": {}} {
		data, err := s.ReadDataSource(ctx, &tfprotov6.ReadDataSourceRequest{TypeName: name, Config: s.value(s.schemas.DataSourceSchemas[name], object)})
		must(err)
		deferred[name], diagnostics[name] = data.Deferred, data.Diagnostics
	}
	imported, err := s.ImportResourceState(ctx, &tfprotov6.ImportResourceStateRequest{TypeName: "lamia_service", ID: "a/svc"})
	must(err)
	deferred["import"], diagnostics["import"] = imported.Deferred, imported.Diagnostics
	if imported.Deferred == nil { // Terraform reads imported objects
		read, err := s.ReadResource(ctx, &tfprotov6.ReadResourceRequest{TypeName: "lamia_service", CurrentState: imported.ImportedResources[0].State})
		must(err)
		diagnostics["import"] = append(diagnostics["import"], read.Diagnostics...)
	}
	return deferred, diagnostics
}

var named = map[string]tftypes.Value{
	"namespace": tftypes.NewValue(tftypes.String, "a"), "name": tftypes.NewValue(tftypes.String, "svc"),
}

// If Terraform cannot defer changes, new objects are planned, and everything else is an error that names the unknown argument.
func TestUnknownConfiguration(t *testing.T) {
	t.Parallel()
	s := newUnknownHost(t, false)
	if resp := s.plan(named, nil); resp.Deferred != nil {
		t.Error("the plan is deferred, although Terraform did not allow it")
	}
	deferred, diagnostics := s.reads(t.Context())
	for what, said := range diagnostics {
		if deferred[what] != nil || len(said) != 1 || said[0].Summary != "The cluster is not known yet" || !strings.Contains(said[0].Detail, "The value of host") {
			t.Errorf("%s: deferred %v, says %v", what, deferred[what], said)
		}
	}
}

// If Terraform can defer changes, everything is deferred, but planned and checked as far as possible without the cluster.
func TestUnknownConfiguration_deferred(t *testing.T) {
	t.Parallel()
	var s unknownHost
	for what, prior := range map[string]map[string]tftypes.Value{"create": nil, "update": named} {
		s = newUnknownHost(t, true)
		service := s.schemas.ResourceSchemas["lamia_service"]
		resp := s.plan(named, prior)
		if resp.Deferred == nil || resp.Deferred.Reason != tfprotov6.DeferredReasonProviderConfigUnknown {
			t.Errorf("%s is deferred: %v", what, resp.Deferred)
		}
		planned, err := resp.PlannedState.Unmarshal(service.ValueType())
		if err != nil {
			t.Fatal(err)
		}
		var attributes map[string]tftypes.Value
		if err := planned.As(&attributes); err != nil {
			t.Fatal(err)
		}
		if want := tftypes.NewValue(tftypes.String, "a/svc"); !attributes["id"].Equal(want) {
			t.Errorf("%s: id is planned as %v", what, attributes["id"])
		}
	}
	deferred, diagnostics := s.reads(t.Context())
	for what, d := range deferred {
		if d == nil || d.Reason != tfprotov6.DeferredReasonProviderConfigUnknown || len(diagnostics[what]) > 0 {
			t.Errorf("%s: deferred %v, says %v", what, d, diagnostics[what])
		}
	}
}
