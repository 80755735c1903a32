package virtualcluster

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/datasource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/magneticio/terraform-provider-lamia/internal/kube"
)

// connected is a data source's connection to the cluster.
type connected struct{ connection *kube.Connection }

// Configure sets the connection of the provider block.
func (c *connected) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	c.connection, _ = req.ProviderData.(*kube.Connection) // nil during terraform validate
}

// open returns the cluster and a context with the timeout for reads. The cluster is nil after an error.
func (c *connected) open(ctx context.Context, given timeouts.Value, diags *diag.Diagnostics) (context.Context, context.CancelFunc, *kube.Cluster) {
	limit, wrong := given.Read(ctx, defaultTimeout)
	diags.Append(wrong...)
	cluster, unknown := c.connection.Cluster()
	diags.Append(unknown...)
	if diags.HasError() {
		cluster = nil
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	return ctx, cancel, cluster
}
