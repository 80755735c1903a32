package routing

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/magneticio/terraform-provider-lamia/internal/analysis"
	"github.com/magneticio/terraform-provider-lamia/internal/kube"
	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

var _ datasource.DataSourceWithConfigure = (*routeData)(nil)

// routeData is the data source lamia_route, which says what happens to a request in the cluster.
type routeData struct{ connection *kube.Connection }

// NewData returns the data source lamia_route.
func NewData() datasource.DataSource { return &routeData{} }

type routeModel struct {
	Namespaces []string     `tfsdk:"namespaces"`
	Request    types.Object `tfsdk:"request"`
	Result     types.Object `tfsdk:"result"`
}

func (*routeData) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_route"
}

func (*routeData) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: description}
	}
	texts := func(description string) schema.MapAttribute {
		return schema.MapAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: description}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Shows where the cluster routes a request. The provider runs Istio's own code on the objects of some namespaces, and follows the " +
			"request through the resulting proxy configuration as Envoy would; it sends no request.",
		Attributes: map[string]schema.Attribute{
			"namespaces": schema.ListAttribute{Required: true, ElementType: types.StringType, MarkdownDescription: "The namespaces whose gateways, virtual " +
				"services, destination rules, service entries, Sidecars and Services apply. Needs permission to list them. Those in " +
				"Istio's root namespace (`root_namespace` of the provider block) also apply where the provider can list them."},
			"request": schema.SingleNestedAttribute{Required: true, MarkdownDescription: "The request.", Attributes: map[string]schema.Attribute{
				"gateway":   text("The `<namespace>/<name>` of the Gateway that receives it; null if a pod in the mesh sends it."),
				"namespace": text("The namespace of the pod that sends it; with `gateway`, the namespace of the gateway's proxies, by default the Gateway's own."),
				"labels":    texts("Labels of the pod that sends it; with `gateway`, of the gateway's proxies, by default its `selector`."),
				"protocol":  text("`http`, `https`, `tls` or `tcp`; `http` by default."),
				"host":      text("The requested host."),
				"port":      schema.Int64Attribute{Optional: true, MarkdownDescription: "The requested port; 80 by default, 443 with TLS."},
				"method":    text("`GET` by default."),
				"path":      text("The path with the query; `/` by default."),
				"headers":   texts("Headers by name."),
				"sni":       text("The server name in the TLS handshake; the host by default."),
			}},
			"result": schema.ObjectAttribute{Computed: true, AttributeTypes: resultTypes, MarkdownDescription: resultDescription},
		},
	}
}

func (d *routeData) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	d.connection, _ = req.ProviderData.(*kube.Connection) // nil during terraform validate
}

func (d *routeData) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m routeModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	value, err := m.Request.ToTerraformValue(ctx)
	if err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("request"), "Invalid request", err.Error())
		return
	}
	request, err := requestOf(value)
	if err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("request"), "Invalid request", err.Error()+".")
		return
	}
	cluster, diags := d.connection.Cluster()
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	objects, unknown := read(analysis.Cluster{Context: ctx, Cluster: cluster}, m.Namespaces)
	if unknown != "" {
		resp.Diagnostics.AddAttributeError(path.Root("namespaces"), "Unreadable objects", fmt.Sprintf(
			"The provider cannot list the %s, which may affect the route. Give its user permission to list them, or remove the namespace.", unknown))
		return
	}
	result, err := Route(objects, request)
	if err != nil {
		resp.Diagnostics.AddError("Unknown route", err.Error())
		return
	}
	m.Result = result.value()
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

// read returns the objects of the namespaces, and what cannot be read.
func read(r analysis.Reader, namespaces []string) (o mesh.Objects, unknown string) {
	o.Settings = r.Settings()
	for _, namespace := range append([]string{o.Root()}, namespaces...) {
		missed := ""
		list(&o.Gateways, r.Gateways, namespace, "gateways", &missed)
		list(&o.VirtualServices, r.VirtualServices, namespace, "virtual services", &missed)
		list(&o.DestinationRules, r.DestinationRules, namespace, "destination rules", &missed)
		list(&o.ServiceEntries, r.ServiceEntries, namespace, "service entries", &missed)
		list(&o.Sidecars, r.Sidecars, namespace, "Sidecars", &missed)
		list(&o.Services, r.Services, namespace, "Services", &missed)
		if missed != "" && namespace != o.Root() {
			return o, missed
		}
	}
	return o, ""
}

func list[T any](to *[]*T, read func(string, ...string) ([]*T, bool), namespace, what string, missed *string) {
	in, known := read(namespace)
	*to = append(*to, in...)
	if !known {
		*missed = fmt.Sprintf("%s in namespace %q", what, namespace)
	}
}
