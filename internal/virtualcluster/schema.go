package virtualcluster

import (
	"context"
	"maps"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/datasource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
)

// clusterAttributes returns the attributes of lamia_virtual_cluster.
func clusterAttributes(ctx context.Context) map[string]schema.Attribute {
	all := map[string]schema.Attribute{
		"name": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "The name of the namespace.",
			Validators:          []validator.String{valid{"namespace name", validation.IsDNS1123Label}},
		},
		"label_selector": labelSelectorAttribute("A label selector for workloads and Services, in kubectl's syntax, such as `app in (app1, app2)`. By default all are read."),
		"application_labels": labelKeysAttribute("Keys of labels that name a workload's application, by default `" +
			strings.Join(applicationLabels, "` and `") + "`. The first one set applies, on the pods or else on the workload itself."),
		"version_labels": labelKeysAttribute("Keys of labels that name a workload's version, by default `" + strings.Join(versionLabels, "` and `") +
			"`. The first one set applies; for a workload without one, the version is the workload's name."),
		"timeouts":      timeoutsAttribute(ctx),
		"deployments":   workloadsAttribute("Deployments"),
		"stateful_sets": workloadsAttribute("StatefulSets"),
		"daemon_sets":   workloadsAttribute("DaemonSets"),
		"services": schema.MapNestedAttribute{
			Computed:            true,
			MarkdownDescription: "The Services by name. Null, with a warning, if the provider has no permission to read them.",
			NestedObject:        schema.NestedAttributeObject{Attributes: serviceAttributes()},
		},
		"applications": schema.MapNestedAttribute{
			Computed: true,
			MarkdownDescription: "The applications by name: the workloads with the same application label. Workloads without one are left out. Null if the " +
				"provider has no permission to read any workloads.",
			NestedObject: schema.NestedAttributeObject{Attributes: applicationAttributes()},
		},
	}
	maps.Copy(all, namespaceAttributes())
	return all
}

func workloadsAttribute(kind string) schema.Attribute {
	return schema.MapNestedAttribute{
		Computed:            true,
		MarkdownDescription: "The " + kind + " by name. Null, with a warning, if the provider has no permission to read them.",
		NestedObject:        schema.NestedAttributeObject{Attributes: workloadAttributes()},
	}
}

func workloadAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"kind":       text("`Deployment`, `StatefulSet` or `DaemonSet`."),
		"name":       text("The name."),
		"labels":     texts("Labels of the workload itself."),
		"pod_labels": texts("Labels of the pods."),
		"selector": schema.SingleNestedAttribute{
			Computed:            true,
			MarkdownDescription: "The selector for the pods.",
			Attributes: map[string]schema.Attribute{
				"match_labels": texts("Labels of the pods."),
				"match_expressions": schema.ListNestedAttribute{
					Computed:            true,
					MarkdownDescription: "Further conditions on the pods' labels.",
					NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
						"key":      text("The key of a label."),
						"operator": text("`In`, `NotIn`, `Exists` or `DoesNotExist`."),
						"values": schema.ListAttribute{Computed: true, ElementType: types.StringType,
							MarkdownDescription: "The operator's values, sorted."},
					}},
				},
			},
		},
		"images": schema.ListAttribute{Computed: true, ElementType: types.StringType,
			MarkdownDescription: "The images of the containers, in order, without init containers except those that keep running."},
		"container_ports": schema.ListNestedAttribute{
			Computed:            true,
			MarkdownDescription: "The ports that the containers declare, sorted by number.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"container": text("The name of the container."),
				"name":      text("The name of the port; null if it has none."),
				"port":      number("The number."),
				"protocol":  text("`TCP`, `UDP` or `SCTP`."),
			}},
		},
		"replicas":             number("The desired number of pods; for a DaemonSet, the number of nodes that should run one."),
		"ready_replicas":       number("The number of ready pods."),
		"service_account_name": text("The ServiceAccount of the pods."),
		"creation_timestamp":   text("When the workload was created, such as `2026-01-31T12:00:00Z`."),
	}
}

func serviceAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"name":     text("The name."),
		"labels":   texts("Labels of the Service itself."),
		"type":     text("`ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`."),
		"selector": texts("Labels of the pods behind the Service."),
		"ports": schema.ListNestedAttribute{
			Computed:            true,
			MarkdownDescription: "The ports, in the Service's order.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"name":         text("The name; null if it has none."),
				"port":         number("The number that clients connect to."),
				"target_port":  text("The pods' port, by number or name."),
				"protocol":     text("`TCP`, `UDP` or `SCTP`."),
				"app_protocol": text("The application's protocol; null if not set."),
				"node_port":    number("The port on every node; null if there is none."),
			}},
		},
		"cluster_ip": text("The IP address inside the cluster; null for a headless Service and one of type `ExternalName`."),
		"addresses": schema.ListAttribute{Computed: true, ElementType: types.StringType,
			MarkdownDescription: "The load balancer's IP addresses and host names, sorted; empty for types other than `LoadBalancer`."},
		"host": text("The fully qualified name, such as `svc-1.vamp-test1.svc.cluster.local`."),
	}
}

func applicationAttributes() map[string]schema.Attribute {
	members := func(kind string) schema.Attribute {
		return schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "The names of its " + kind + ", sorted."}
	}
	return map[string]schema.Attribute{
		"deployments":   members("Deployments"),
		"stateful_sets": members("StatefulSets"),
		"daemon_sets":   members("DaemonSets"),
		"container_ports": schema.ListNestedAttribute{
			Computed:            true,
			MarkdownDescription: "The ports that its containers declare, once each, sorted by number, as for a Service of the application.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"name":     text("The name; null if there is none or if names differ."),
				"port":     number("The number."),
				"protocol": text("`TCP`, `UDP` or `SCTP`."),
			}},
		},
		"versions": schema.MapAttribute{
			Computed:    true,
			ElementType: types.MapType{ElemType: types.StringType},
			MarkdownDescription: "The versions by name, each with labels that all its pods have and no pod of the application's other versions has: use them as " +
				"the `labels` of a destination rule's subset. A version without such labels is left out, with a warning.",
		},
	}
}

func text(description string) schema.Attribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: description}
}

func number(description string) schema.Attribute {
	return schema.Int64Attribute{Computed: true, MarkdownDescription: description}
}

func texts(description string) schema.Attribute {
	return schema.MapAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: description}
}

func labelSelectorAttribute(description string) schema.Attribute {
	return schema.StringAttribute{
		Optional:            true,
		MarkdownDescription: description,
		Validators: []validator.String{valid{"label selector", func(s string) []string {
			if _, err := labels.Parse(s); err != nil {
				return []string{err.Error()}
			}
			return nil
		}}},
	}
}

func labelKeysAttribute(description string) schema.Attribute {
	return schema.ListAttribute{
		Optional:            true,
		ElementType:         types.StringType,
		MarkdownDescription: description,
		Validators: []validator.List{
			listvalidator.SizeAtLeast(1),
			listvalidator.NoNullValues(),
			listvalidator.ValueStringsAre(valid{"label key", validation.IsQualifiedName}),
		},
	}
}

func timeoutsAttribute(ctx context.Context) schema.Attribute {
	a := timeouts.AttributesWithOpts(ctx, timeouts.Opts{ReadDescription: "Timeout for reading."}).(schema.SingleNestedAttribute)
	a.MarkdownDescription = "Timeouts of operations, as durations such as `30s` or `5m`. " + defaultTimeout.String() + " by default."
	return a
}

// valid validates a string with one of Kubernetes' functions.
type valid struct {
	what  string                // such as "label selector"
	wrong func(string) []string // returns what is wrong, or nil
}

func (v valid) Description(context.Context) string { return "must be a " + v.what }

func (v valid) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (v valid) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	for _, message := range v.wrong(req.ConfigValue.ValueString()) {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid "+v.what,
			strconv.Quote(req.ConfigValue.ValueString())+" is not a valid "+v.what+": "+strings.TrimSuffix(message, ".")+".")
	}
}
