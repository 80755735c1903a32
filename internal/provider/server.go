package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

// NewServer returns a function that creates the provider's server for Terraform's protocol 6. folder is the root module, in which Terraform
// starts the provider, or "".
func NewServer(version, folder string) func() tfprotov6.ProviderServer {
	return func() tfprotov6.ProviderServer {
		p := &lamia{version: version, kinds: istio.Kinds()}
		s := server{protocol: providerserver.NewProtocol6(p)().(protocol), lamia: p, resources: make(map[string]*engine.Kind)}
		for _, k := range p.kinds {
			s.resources[typeName+"_"+k.Type] = k
		}
		s.written = newWritten(folder, s)
		return s
	}
}

// protocol contains all requests that terraform-plugin-framework serves, including those of newer Terraform versions.
type protocol interface {
	tfprotov6.ProviderServer
	tfprotov6.ListResourceServer
	tfprotov6.ActionServer
	tfprotov6.StateStoreServer
}

// server lets package engine answer the requests about resources, and terraform-plugin-framework all others.
type server struct {
	protocol
	lamia     *lamia
	resources map[string]*engine.Kind // by type
	written   *written
}

// single returns the kind whose data source has this type and reads one object, or nil.
func (s server) single(typeName string) *engine.Kind {
	if k := s.resources[typeName]; k != nil && k.DataSource != "" {
		return k
	}
	return nil
}

func (s server) GetMetadata(ctx context.Context, req *tfprotov6.GetMetadataRequest) (*tfprotov6.GetMetadataResponse, error) {
	resp, err := s.protocol.GetMetadata(ctx, req)
	for _, k := range s.lamia.kinds {
		if resp != nil && k.DataSource != "" {
			resp.DataSources = append(resp.DataSources, tfprotov6.DataSourceMetadata{TypeName: typeName + "_" + k.Type})
		}
	}
	return resp, err
}

func (s server) GetProviderSchema(ctx context.Context, req *tfprotov6.GetProviderSchemaRequest) (*tfprotov6.GetProviderSchemaResponse, error) {
	resp, err := s.protocol.GetProviderSchema(ctx, req)
	for _, k := range s.lamia.kinds {
		name := typeName + "_" + k.Type
		if resp != nil && resp.ResourceSchemas[name] != nil && k.DataSource != "" {
			resp.DataSourceSchemas[name] = k.DataSchema(resp.ResourceSchemas[name])
		}
	}
	return resp, err
}

func (s server) ReadDataSource(ctx context.Context, req *tfprotov6.ReadDataSourceRequest) (*tfprotov6.ReadDataSourceResponse, error) {
	if k := s.single(req.TypeName); k != nil {
		return k.ReadDataSource(ctx, s.lamia.run.Load(), req)
	}
	return s.protocol.ReadDataSource(ctx, req)
}

func (s server) ValidateResourceConfig(ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	if k := s.resources[req.TypeName]; k != nil {
		resp, err := k.ValidateResourceConfig(s.lamia.run.Load(), req)
		if err == nil {
			resp.Diagnostics = append(resp.Diagnostics, s.written.lostNames(req.TypeName, req.Config)...)
			s.written.place(resp.Diagnostics, req.TypeName, req.Config)
		}
		return resp, err
	}
	return s.protocol.ValidateResourceConfig(ctx, req)
}

func (s server) UpgradeResourceState(ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	if k := s.resources[req.TypeName]; k != nil {
		return k.UpgradeResourceState(s.lamia.run.Load(), req)
	}
	return s.protocol.UpgradeResourceState(ctx, req)
}

func (s server) ImportResourceState(ctx context.Context, req *tfprotov6.ImportResourceStateRequest) (*tfprotov6.ImportResourceStateResponse, error) {
	resp, err := s.protocol.ImportResourceState(ctx, req)
	if resp != nil && s.resources[req.TypeName] != nil {
		for _, imported := range resp.ImportedResources {
			s.written.claim(imported)
		}
	}
	return resp, err
}

func (s server) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	if k := s.resources[req.TypeName]; k != nil {
		resp, err := k.ReadResource(ctx, s.lamia.run.Load(), req)
		if err == nil {
			s.written.place(resp.Diagnostics, req.TypeName, nil)
		}
		return resp, err
	}
	return s.protocol.ReadResource(ctx, req)
}

func (s server) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	if k := s.resources[req.TypeName]; k != nil {
		resp, err := k.PlanResourceChange(ctx, s.lamia.run.Load(), req)
		if err == nil {
			s.written.place(resp.Diagnostics, req.TypeName, req.Config)
		}
		return resp, err
	}
	return s.protocol.PlanResourceChange(ctx, req)
}

func (s server) ApplyResourceChange(ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	if k := s.resources[req.TypeName]; k != nil {
		resp, err := k.ApplyResourceChange(ctx, s.lamia.run.Load(), req)
		if err == nil {
			s.written.place(resp.Diagnostics, req.TypeName, req.Config)
		}
		return resp, err
	}
	return s.protocol.ApplyResourceChange(ctx, req)
}

func (s server) GenerateResourceConfig(ctx context.Context, req *tfprotov6.GenerateResourceConfigRequest) (*tfprotov6.GenerateResourceConfigResponse, error) {
	if k := s.resources[req.TypeName]; k != nil {
		return k.GenerateResourceConfig(req)
	}
	return s.protocol.GenerateResourceConfig(ctx, req)
}
