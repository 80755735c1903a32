// Package provider is the entry point for Terraform: the provider block, the connection that it configures, and the lists of resources, data sources
// and functions.
package provider

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"sync/atomic"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/kube"
	"github.com/magneticio/terraform-provider-lamia/internal/picture"
	"github.com/magneticio/terraform-provider-lamia/internal/routing"
	"github.com/magneticio/terraform-provider-lamia/internal/virtualcluster"
)

var (
	_ provider.ProviderWithValidateConfig = (*lamia)(nil)
	_ provider.ProviderWithFunctions      = (*lamia)(nil)
	_ provider.ProviderWithListResources  = (*lamia)(nil)
)

// typeName is the prefix of the provider's types.
const typeName = "lamia"

type lamia struct {
	version string // such as "1.2.3" or "dev"
	kinds   []*engine.Kind
	run     atomic.Pointer[engine.Run] // nil until the provider is configured
}

func (p *lamia) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = typeName
	resp.Version = p.version
}

func (p *lamia) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = providerSchema()
}

// ValidateConfig validates the block as written. Configure validates the values from the environment, so that the
// result of terraform validate does not depend on the environment.
func (p *lamia) ValidateConfig(ctx context.Context, req provider.ValidateConfigRequest, resp *provider.ValidateConfigResponse) {
	c, diags := read(ctx, req.Config, func(string) string { return "" })
	resp.Diagnostics.Append(diags...)
	if !diags.HasError() {
		resp.Diagnostics.Append(c.diagnostics(c.Validate())...)
	}
}

// Configure gives resources and data sources a [*kube.Connection]. If an argument is unknown, the connection has no cluster, because neither the
// environment nor a default may replace the argument. If Terraform can defer changes, Configure asks for that.
func (p *lamia) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	waiting, err := unknown(req.Config)
	if err != nil {
		resp.Diagnostics.AddError("Unreadable provider block", err.Error())
		return
	}
	unknownNamespace, unknownDryRun := slices.Contains(waiting, "namespace"), slices.Contains(waiting, "dry_run")
	waiting = slices.DeleteFunc(waiting, func(name string) bool { // it needs none of them to defer
		return name == "namespace" || name == "dry_run" || name == "remove_at_once"
	})

	c, diags := read(ctx, req.Config, os.Getenv)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(c.diagnostics(c.wrongSettings())...)
	if resp.Diagnostics.HasError() {
		return
	}
	if unknownDryRun { // the unknown value may be "required"
		c.DryRun = kube.DryRunNever
	}
	if slices.Contains(waiting, "cluster_domain") {
		c.settings.ClusterDomain = ""
	}
	for _, k := range p.kinds {
		k.Use(c.settings)
	}
	var connection *kube.Connection
	if len(waiting) > 0 {
		connection = kube.NewUnknownConnection(cmp.Or(c.Namespace, kube.DefaultNamespace), waiting...)
	} else {
		c.UserAgent = fmt.Sprintf("terraform-provider-lamia/%s Terraform/%s", p.version, req.TerraformVersion)
		cluster, err := kube.New(ctx, c.Config)
		if err != nil {
			resp.Diagnostics.Append(c.diagnostics(err)...)
			return
		}
		connection = kube.NewConnection(cluster)
	}
	if unknownNamespace {
		connection = connection.WithUnknownNamespace()
	}
	run := engine.NewRun(connection, req.ClientCapabilities.DeferralAllowed)
	run.AtOnce = c.atOnce
	p.run.Store(run)
	resp.ResourceData, resp.ListResourceData = run, run
	resp.DataSourceData = connection
	if !connection.Known() && req.ClientCapabilities.DeferralAllowed {
		resp.Deferred = &provider.Deferred{Reason: provider.DeferredReasonProviderConfigUnknown}
	}
}

func (p *lamia) Resources(context.Context) (resources []func() resource.Resource) {
	for _, k := range p.kinds {
		resources = append(resources, engine.New(k))
	}
	return resources
}

func (p *lamia) ListResources(context.Context) (resources []func() list.ListResource) {
	for _, k := range p.kinds {
		resources = append(resources, engine.NewList(k))
	}
	return resources
}

func (p *lamia) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{virtualcluster.New, virtualcluster.NewList, routing.NewData}
}

func (p *lamia) Functions(context.Context) []func() function.Function {
	return []func() function.Function{newHostFunction, newFromYAMLFunction, routing.NewFunction, picture.NewFunction}
}
