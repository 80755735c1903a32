package virtualcluster

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/datasource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	corev1 "k8s.io/api/core/v1"

	"github.com/magneticio/terraform-provider-lamia/internal/kube"
)

var _ datasource.DataSourceWithConfigure = (*many)(nil)

// NewList returns the data source for all virtual clusters with certain labels, lamia_virtual_clusters.
func NewList() datasource.DataSource { return &many{} }

type many struct{ connected }

// managed selects the namespaces that Vamp Lamia used as virtual clusters.
const managed = "vamp-managed"

var namespaces = corev1.SchemeGroupVersion.WithResource("namespaces")

type virtualClusters struct {
	LabelSelector   *string              `tfsdk:"label_selector"`
	Timeouts        timeouts.Value       `tfsdk:"timeouts"`
	VirtualClusters map[string]namespace `tfsdk:"virtual_clusters"`
}

func (*many) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_virtual_clusters"
}

func (*many) Schema(ctx context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The namespaces with certain labels, each a virtual cluster. This needs permission to list namespaces, which only a ClusterRole " +
			"can grant; to read one namespace by name, `lamia_virtual_cluster` needs only a Role in it.",
		Attributes: map[string]schema.Attribute{
			"label_selector": labelSelectorAttribute("A label selector for namespaces, in kubectl's syntax, such as `team=a,tier!=test`. `" + managed +
				"` by default: namespaces with a label of that name and any value. An empty string selects all."),
			"timeouts": timeoutsAttribute(ctx),
			"virtual_clusters": schema.MapNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The namespaces by name, for use in `for_each`.",
				NestedObject:        schema.NestedAttributeObject{Attributes: namespaceAttributes()},
			},
		},
	}
}

func (d *many) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var v virtualClusters
	resp.Diagnostics.Append(req.Config.Get(ctx, &v)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel, cluster := d.open(ctx, v.Timeouts, &resp.Diagnostics)
	defer cancel()
	if cluster == nil {
		return
	}
	resp.Diagnostics.Append(v.read(ctx, cluster)...)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.Set(ctx, &v)...)
	}
}

func (v *virtualClusters) read(ctx context.Context, cluster *kube.Cluster) diag.Diagnostics {
	labelSelector := managed
	if v.LabelSelector != nil {
		labelSelector = *v.LabelSelector
	}
	var err error
	v.VirtualClusters, err = list(ctx, cluster, namespaces, "", labelSelector, newNamespace)
	return kube.Diagnostics("list", kube.Object{Resource: namespaces, Kind: "Namespaces with labels", Name: labelSelector}, err, nil)
}
