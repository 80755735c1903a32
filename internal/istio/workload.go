package istio

import (
	"math"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/magneticio/terraform-provider-lamia/internal/describe"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// workload tunes a gateway's own proxies and how they are reached: the attribute of that name, as JSON. Whatever is absent has a default,
// which is that of Istio's gateway chart wherever the chart has one.
type workload struct {
	Replicas            *int32              `json:"replicas"`
	Autoscaling         autoscaling         `json:"autoscaling"`
	PodDisruptionBudget podDisruptionBudget `json:"podDisruptionBudget"`
	Service             workloadService     `json:"service"`
	Revision            string              `json:"revision"`

	PodLabels                     map[string]string                                       `json:"podLabels"`
	PodAnnotations                map[string]string                                       `json:"podAnnotations"`
	NodeSelector                  map[string]string                                       `json:"nodeSelector"`
	Tolerations                   []*applycore.TolerationApplyConfiguration               `json:"tolerations"`
	Affinity                      *applycore.AffinityApplyConfiguration                   `json:"affinity"`
	TopologySpreadConstraints     []*applycore.TopologySpreadConstraintApplyConfiguration `json:"topologySpreadConstraints"`
	PriorityClassName             *string                                                 `json:"priorityClassName"`
	ImagePullPolicy               *corev1.PullPolicy                                      `json:"imagePullPolicy"`
	Resources                     *resources                                              `json:"resources"`
	TerminationGracePeriodSeconds *int64                                                  `json:"terminationGracePeriodSeconds"`
}

type autoscaling struct {
	MinReplicas                    *int32 `json:"minReplicas"`
	MaxReplicas                    *int32 `json:"maxReplicas"`
	TargetCPUUtilizationPercentage *int32 `json:"targetCPUUtilizationPercentage"`
}

type podDisruptionBudget struct {
	MinAvailable   *intstr.IntOrString `json:"minAvailable"`
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable"`
}

type resources struct {
	Requests corev1.ResourceList `json:"requests"`
	Limits   corev1.ResourceList `json:"limits"`
}

type workloadService struct {
	Type                     corev1.ServiceType                   `json:"type"`
	Labels                   map[string]string                    `json:"labels"`
	Annotations              map[string]string                    `json:"annotations"`
	LoadBalancerClass        *string                              `json:"loadBalancerClass"`
	LoadBalancerSourceRanges []string                             `json:"loadBalancerSourceRanges"`
	ExternalTrafficPolicy    *corev1.ServiceExternalTrafficPolicy `json:"externalTrafficPolicy"`
	IPFamilies               []corev1.IPFamily                    `json:"ipFamilies"`
	IPFamilyPolicy           *corev1.IPFamilyPolicy               `json:"ipFamilyPolicy"`
	NodePorts                map[string]int32                     `json:"nodePorts"`
}

// workloadField is the attribute.
var workloadField = spec.Field{
	Name: "workload", JSON: "workload", Message: workloadMessage, Field: describe.Field{Description: "Tunes the gateway's own proxies, which it has as long as " +
		"`selector` is not given: a Deployment, a Service with an address of its own, a ServiceAccount with a Role and a RoleBinding to read TLS secrets, a " +
		"HorizontalPodAutoscaler and a PodDisruptionBudget, all called `<name>-gateway` and made as Istio's gateway chart makes them. " +
		"An empty object is the same as none."},
}

var workloadMessage = &spec.Message{
	OneOfs: [][]string{{"replicas", "autoscaling"}},
	Fields: []spec.Field{
		scalar("replicas", "replicas", spec.Integer(0, math.MaxInt32), "A fixed number of proxies, instead of `autoscaling`."),
		{
			Name: "autoscaling", JSON: "autoscaling", Field: describe.Field{Description: "How many proxies the HorizontalPodAutoscaler runs."},
			Message: &spec.Message{Fields: []spec.Field{
				scalar("min_replicas", "minReplicas", spec.Integer(1, math.MaxInt32), "The fewest proxies. 1 by default."),
				scalar("max_replicas", "maxReplicas", spec.Integer(1, math.MaxInt32), "The most proxies. 5 by default, `min_replicas` if that is more."),
				scalar("target_cpu_utilization_percentage", "targetCPUUtilizationPercentage", spec.Integer(1, math.MaxInt32),
					"The average CPU use, in percent of what is requested, that the number of proxies aims at. 80 by default."),
			}},
		},
		{
			Name: "pod_disruption_budget", JSON: "podDisruptionBudget", Field: describe.Field{Description: "How many proxies a node drain may stop at once. " +
				"By default `max_unavailable` is 1, which never blocks a drain."},
			Message: &spec.Message{OneOfs: [][]string{{"min_available", "max_unavailable"}}, Fields: []spec.Field{
				scalar("min_available", "minAvailable", spec.IntOrString, "How many proxies must go on running: a number, or a percentage such as `50%`."),
				scalar("max_unavailable", "maxUnavailable", spec.IntOrString, "How many proxies may be stopped: a number, or a percentage such as `50%`."),
			}},
		},
		{
			Name: "service", JSON: "service", Field: describe.Field{Description: "The Service in front of the proxies. Its ports are those of `servers`, and 15021 for health checks."},
			Message: &spec.Message{Fields: []spec.Field{
				scalar("type", "type", spec.Enum("LoadBalancer", "NodePort", "ClusterIP"), "How the gateway is reached. `LoadBalancer` by default."),
				collection("labels", "labels", spec.Map, spec.String, "Labels of the Service."),
				collection("annotations", "annotations", spec.Map, spec.String, "Annotations of the Service, such as a cloud's load balancer takes."),
				scalar("load_balancer_class", "loadBalancerClass", spec.String, "The load balancer implementation. It cannot change on an existing Service."),
				collection("load_balancer_source_ranges", "loadBalancerSourceRanges", spec.List, spec.String, "The client addresses, in CIDR notation, that the load balancer lets through."),
				scalar("external_traffic_policy", "externalTrafficPolicy", spec.Enum("Cluster", "Local"), "Whether traffic may hop to proxies on other nodes (`Cluster`, the default) or keeps the client's address (`Local`)."),
				collection("ip_families", "ipFamilies", spec.List, spec.Enum("IPv4", "IPv6"), "The IP families of the Service's addresses."),
				scalar("ip_family_policy", "ipFamilyPolicy", spec.Enum("SingleStack", "PreferDualStack", "RequireDualStack"), "Whether the Service has addresses of one or two IP families. Once removed, the Service keeps the policy that it has."),
				collection("node_ports", "nodePorts", spec.Map, spec.Integer(1, 65535), "Ports of every node, by the name of the server's port. Kubernetes chooses those not given."),
			}},
		},
		scalar("revision", "revision", spec.String, "The revision of the Istio control plane (`istio.io/rev`) that runs the proxies. By default that of the namespace."),
		collection("pod_labels", "podLabels", spec.Map, spec.String, "Further labels of the pods."),
		collection("pod_annotations", "podAnnotations", spec.Map, spec.String, "Further annotations of the pods, such as `proxy.istio.io/config`."),
		collection("node_selector", "nodeSelector", spec.Map, spec.String, "Labels of the nodes that the pods may run on."),
		{
			Name: "tolerations", JSON: "tolerations", Collection: spec.List, Message: messageOf[corev1.Toleration](),
			Field: describe.Field{Description: "The taints of nodes that the pods tolerate."},
		},
		{
			Name: "affinity", JSON: "affinity", Message: messageOf[corev1.Affinity](),
			Field: describe.Field{Description: "Rules of where the pods run."},
		},
		{
			Name: "topology_spread_constraints", JSON: "topologySpreadConstraints", Collection: spec.List, Message: messageOf[corev1.TopologySpreadConstraint](),
			Field: describe.Field{Description: "How the pods spread over zones, nodes and so on. Without a `label_selector` the gateway's own pods are meant."},
		},
		scalar("priority_class_name", "priorityClassName", spec.String, "The priority class of the pods."),
		scalar("image_pull_policy", "imagePullPolicy", spec.Enum("Always", "IfNotPresent", "Never"),
			"When a node pulls the proxy's image. `Always` by default; with `IfNotPresent` a proxy also starts while the registry does not answer."),
		{
			Name: "resources", JSON: "resources", Field: describe.Field{Description: "The CPU and memory of each proxy. What is not given keeps its default."},
			Message: &spec.Message{Fields: []spec.Field{
				collection("requests", "requests", spec.Map, quantity, "What each proxy is guaranteed. By default `100m` of `cpu` and `128Mi` of `memory`."),
				collection("limits", "limits", spec.Map, quantity, "What each proxy may use at most. By default `2` of `cpu` and `1Gi` of `memory`."),
			}},
		},
		scalar("termination_grace_period_seconds", "terminationGracePeriodSeconds", spec.Integer(0, math.MaxInt32), "How many seconds a proxy has to drain its connections when it is stopped. 30 by default."),
	},
}

func scalar(name, json string, s spec.Scalar, description string) spec.Field {
	return spec.Field{Name: name, JSON: json, Scalar: s, Field: describe.Field{Description: description}}
}

func collection(name, json string, c spec.Collection, s spec.Scalar, description string) spec.Field {
	return spec.Field{Name: name, JSON: json, Collection: c, Scalar: s, Field: describe.Field{Description: description}}
}
