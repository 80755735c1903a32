// Package virtualcluster reads what runs in a cluster, for data sources. A virtual cluster is a namespace with its workloads. Workloads that
// share a label are an application, and those of them that share another label are a version of it. The package never writes to the cluster.
package virtualcluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/datasource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/magneticio/terraform-provider-lamia/internal/kube"
)

var _ datasource.DataSourceWithConfigure = (*one)(nil)

// New returns the data source for one virtual cluster, lamia_virtual_cluster.
func New() datasource.DataSource { return &one{} }

type one struct{ connected }

// virtualCluster contains the data source's configuration and results. A result is null without permission to read it.
type virtualCluster struct {
	Name              string         `tfsdk:"name"`
	LabelSelector     *string        `tfsdk:"label_selector"`
	ApplicationLabels []string       `tfsdk:"application_labels"`
	VersionLabels     []string       `tfsdk:"version_labels"`
	Timeouts          timeouts.Value `tfsdk:"timeouts"`
	namespace
	Deployments  map[string]workload    `tfsdk:"deployments"`
	StatefulSets map[string]workload    `tfsdk:"stateful_sets"`
	DaemonSets   map[string]workload    `tfsdk:"daemon_sets"`
	Services     map[string]service     `tfsdk:"services"`
	Applications map[string]application `tfsdk:"applications"`
}

func (*one) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_virtual_cluster"
}

func (*one) Schema(ctx context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A virtual cluster: a namespace with its Deployments, StatefulSets, DaemonSets and Services, and the applications and versions " +
			"that their labels define. It contains no environment variables and no secrets.",
		Attributes: clusterAttributes(ctx),
	}
}

func (d *one) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var v virtualCluster
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

// part is a part of a virtual cluster that needs its own permissions.
type part struct {
	attributes string // the attributes that are null without permission
	object     kube.Object
	verb       string
	read       func() error
	err        error
}

// read sets the results. Results that the provider has no permission to read stay null, with a warning.
func (v *virtualCluster) read(ctx context.Context, cluster *kube.Cluster) (diags diag.Diagnostics) {
	parts := v.parts(ctx, cluster)
	var requests sync.WaitGroup
	for _, p := range parts {
		requests.Go(func() { p.err = p.read() })
	}
	requests.Wait()

	switch err := parts[0].err; {
	case kube.IsGone(err):
		diags.AddAttributeError(path.Root("name"), fmt.Sprintf("Namespace %q does not exist", v.Name), fmt.Sprintf(
			"The API server at %s has no such namespace. Correct the name, or create the namespace first: kubectl create namespace %s", cluster.Host, v.Name))
		return diags
	case err != nil && !apierrors.IsForbidden(err):
		return parts[0].diagnostics()
	case !slices.ContainsFunc(parts, func(p *part) bool { return !apierrors.IsForbidden(p.err) }):
		diags.AddAttributeError(path.Root("name"), fmt.Sprintf("No permission to read namespace %q", v.Name), fmt.Sprintf(
			"Check the name: without permissions the provider cannot tell whether the namespace exists.\n\n%s\n\nTo read all of the namespace, Terraform needs "+
				"these rules:\n\n%s", parts[0].diagnostics()[0].Detail(), strings.TrimSpace(rules)))
		return diags
	}
	for _, p := range parts {
		for _, d := range p.diagnostics() {
			if apierrors.IsForbidden(p.err) {
				d = diag.NewWarningDiagnostic(d.Summary(), fmt.Sprintf("%s\n\nUntil then %s.", d.Detail(), p.attributes))
			}
			diags.Append(d)
		}
	}
	diags.Append(v.group()...)
	return diags
}

// rules are the rules of a Role with the permissions to read all of a virtual cluster.
const rules = `
- apiGroups: [""]
  resources: ["namespaces"]
  verbs: ["get"]
- apiGroups: [""]
  resources: ["services"]
  verbs: ["list"]
- apiGroups: ["apps"]
  resources: ["deployments", "statefulsets", "daemonsets"]
  verbs: ["list"]
`

// parts returns the namespace itself and the kinds of objects in it.
func (v *virtualCluster) parts(ctx context.Context, cluster *kube.Cluster) []*part {
	var labelSelector string
	if v.LabelSelector != nil {
		labelSelector = *v.LabelSelector
	}
	in := func(kinds string) string { return kinds + " in namespace" }
	workloads := func(k workloadKind, into *map[string]workload, attribute string) *part {
		resource := appsv1.SchemeGroupVersion.WithResource(k.resource)
		return &part{
			attributes: attribute + " is null, and applications lack these workloads",
			object:     kube.Object{Resource: resource, Kind: in(k.kind + "s"), Name: v.Name},
			verb:       "list",
			read: func() (err error) {
				*into, err = list(ctx, cluster, resource, v.Name, labelSelector, k.convert)
				return err
			},
		}
	}
	services := corev1.SchemeGroupVersion.WithResource("services")
	return []*part{
		{
			attributes: "labels, annotations, phase and mesh are null",
			object:     kube.Object{Resource: namespaces, Kind: "Namespace", Name: v.Name},
			verb:       "get",
			read: func() error {
				var live *unstructured.Unstructured
				err := cluster.Read(ctx, func(ctx context.Context) (err error) {
					live, err = cluster.Dynamic.Resource(namespaces).Get(ctx, v.Name, metav1.GetOptions{})
					return err
				})
				if err == nil {
					v.namespace, err = newNamespace(live)
				}
				return err
			},
		},
		workloads(deployments, &v.Deployments, "deployments"),
		workloads(statefulSets, &v.StatefulSets, "stateful_sets"),
		workloads(daemonSets, &v.DaemonSets, "daemon_sets"),
		{
			attributes: "services is null",
			object:     kube.Object{Resource: services, Kind: in("Services"), Name: v.Name},
			verb:       "list",
			read: func() (err error) {
				v.Services, err = list(ctx, cluster, services, v.Name, labelSelector, newService(cluster.ClusterDomain))
				return err
			},
		},
	}
}

func (p *part) diagnostics() diag.Diagnostics {
	return kube.Diagnostics(p.verb, p.object, p.err, nil)
}

// group groups the workloads into applications.
func (v *virtualCluster) group() (diags diag.Diagnostics) {
	if v.Deployments == nil && v.StatefulSets == nil && v.DaemonSets == nil {
		return nil
	}
	var workloads []workload
	for _, kind := range []map[string]workload{v.Deployments, v.StatefulSets, v.DaemonSets} {
		workloads = slices.AppendSeq(workloads, maps.Values(kind))
	}
	applicationKeys, versionKeys := v.ApplicationLabels, v.VersionLabels
	if applicationKeys == nil {
		applicationKeys = applicationLabels
	}
	if versionKeys == nil {
		versionKeys = versionLabels
	}
	var left []inseparable
	v.Applications, left = applications(workloads, applicationKeys, versionKeys)
	for _, i := range left {
		diags.AddWarning(fmt.Sprintf("Version %q of application %q has no labels of its own", i.version, i.application), fmt.Sprintf(
			"In namespace %q no labels select only the pods of this version, so the application's versions do not include it. Add a label to its pods that "+
				"others do not have, such as %s: %s", v.Name, versionKeys[0], i.version))
	}
	return diags
}

// defaultTimeout is the default timeout for reads.
const defaultTimeout = 5 * time.Minute
