package istio

import (
	"math"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	applyapps "k8s.io/client-go/applyconfigurations/apps/v1"
	applyautoscaling "k8s.io/client-go/applyconfigurations/autoscaling/v2"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/magneticio/terraform-provider-lamia/internal/describe"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// workload is the JSON of the attribute that configures a gateway's own proxies and their Service. Absent fields have defaults, which are those
// of Istio's gateway chart if the chart has the field.
type workload struct {
	Replicas            *int32              `json:"replicas"`
	Autoscaling         autoscaling         `json:"autoscaling"`
	PodDisruptionBudget podDisruptionBudget `json:"podDisruptionBudget"`
	Service             workloadService     `json:"service"`
	ServiceAccount      serviceAccount      `json:"serviceAccount"`
	SecretAccess        *bool               `json:"secretAccess"`
	Revision            string              `json:"revision"`
	Labels              map[string]string   `json:"labels"`
	Annotations         map[string]string   `json:"annotations"`

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
	ImagePullSecrets              []string                                                `json:"imagePullSecrets"`
	SecurityContext               *applycore.PodSecurityContextApplyConfiguration         `json:"securityContext"`
	ContainerSecurityContext      *applycore.SecurityContextApplyConfiguration            `json:"containerSecurityContext"`
	Env                           map[string]string                                       `json:"env"`
	EnvVarFrom                    []*applycore.EnvVarApplyConfiguration                   `json:"envVarFrom"`
	Volumes                       []*applycore.VolumeApplyConfiguration                   `json:"volumes"`
	VolumeMounts                  []*applycore.VolumeMountApplyConfiguration              `json:"volumeMounts"`
	InitContainers                []*applycore.ContainerApplyConfiguration                `json:"initContainers"`
	AdditionalContainers          []*applycore.ContainerApplyConfiguration                `json:"additionalContainers"`
	ReadinessProbe                *applycore.ProbeApplyConfiguration                      `json:"readinessProbe"`
	Lifecycle                     *applycore.LifecycleApplyConfiguration                  `json:"lifecycle"`
	Strategy                      *applyapps.DeploymentStrategyApplyConfiguration         `json:"strategy"`
	MinReadySeconds               *int32                                                  `json:"minReadySeconds"`
	DNSPolicy                     *corev1.DNSPolicy                                       `json:"dnsPolicy"`
	DNSConfig                     *applycore.PodDNSConfigApplyConfiguration               `json:"dnsConfig"`
}

// serviceAccount is the proxies' ServiceAccount: a new one, or an existing one with this name.
type serviceAccount struct {
	Name        string            `json:"name"`
	Annotations map[string]string `json:"annotations"`
}

type autoscaling struct {
	MinReplicas                       *int32                                                              `json:"minReplicas"`
	MaxReplicas                       *int32                                                              `json:"maxReplicas"`
	TargetCPUUtilizationPercentage    *int32                                                              `json:"targetCPUUtilizationPercentage"`
	TargetMemoryUtilizationPercentage *int32                                                              `json:"targetMemoryUtilizationPercentage"`
	Behavior                          *applyautoscaling.HorizontalPodAutoscalerBehaviorApplyConfiguration `json:"behavior"`
}

type podDisruptionBudget struct {
	MinAvailable   *intstr.IntOrString `json:"minAvailable"`
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable"`

	UnhealthyPodEvictionPolicy *policyv1.UnhealthyPodEvictionPolicyType `json:"unhealthyPodEvictionPolicy"`
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

	LoadBalancerIP                *string                              `json:"loadBalancerIP"`
	ExternalIPs                   []string                             `json:"externalIPs"`
	InternalTrafficPolicy         *corev1.ServiceInternalTrafficPolicy `json:"internalTrafficPolicy"`
	TrafficDistribution           *string                              `json:"trafficDistribution"`
	HealthCheckNodePort           *int32                               `json:"healthCheckNodePort"`
	AllocateLoadBalancerNodePorts *bool                                `json:"allocateLoadBalancerNodePorts"`
	HTTP3                         bool                                 `json:"http3"`
}

// asJSON describes parts that only Kubernetes needs. As attributes, they would be three times as many as all others.
const asJSON = " of Kubernetes, as JSON with Kubernetes' field names: use `jsonencode`. Unknown fields are errors."

// workloadField is the attribute workload.
var workloadField = spec.Field{
	Name: "workload", JSON: "workload", Message: workloadMessage, Field: describe.Field{Description: "Configures the gateway's own proxies, which exist unless " +
		"`selector` is set: a Deployment, a Service with its own address, a ServiceAccount with a Role and a RoleBinding to read TLS secrets, a " +
		"HorizontalPodAutoscaler and a PodDisruptionBudget, all called `<name>-gateway` and configured as in Istio's gateway chart. An empty object is the same as none."},
}

var workloadMessage = &spec.Message{
	OneOfs: [][]string{{"replicas", "autoscaling"}},
	Fields: []spec.Field{
		scalar("replicas", "replicas", spec.Integer(0, math.MaxInt32), "A fixed number of proxies instead of `autoscaling`."),
		{
			Name: "autoscaling", JSON: "autoscaling", Field: describe.Field{Description: "How many proxies the HorizontalPodAutoscaler runs."},
			Message: &spec.Message{Fields: []spec.Field{
				scalar("min_replicas", "minReplicas", spec.Integer(1, math.MaxInt32), "The minimum number of proxies. 1 by default."),
				scalar("max_replicas", "maxReplicas", spec.Integer(1, math.MaxInt32), "The maximum number of proxies. By default 5, or `min_replicas` if that is more."),
				scalar("target_cpu_utilization_percentage", "targetCPUUtilizationPercentage", spec.Integer(1, math.MaxInt32),
					"The target average CPU use, in percent of the CPU request. 80 by default."),
				scalar("target_memory_utilization_percentage", "targetMemoryUtilizationPercentage", spec.Integer(1, math.MaxInt32),
					"The target average memory use, in percent of the memory request. By default memory is not considered."),
				scalar("behavior", "behavior", spec.Struct, "How fast the number of proxies grows and shrinks: a HorizontalPodAutoscalerBehavior"+asJSON),
			}},
		},
		{
			Name: "pod_disruption_budget", JSON: "podDisruptionBudget", Field: describe.Field{Description: "How many proxies a node drain can stop at once. By " +
				"default `max_unavailable` is 1, which never blocks a drain."},
			Message: &spec.Message{OneOfs: [][]string{{"min_available", "max_unavailable"}}, Fields: []spec.Field{
				scalar("min_available", "minAvailable", spec.IntOrString, "How many proxies must keep running: a number, or a percentage such as `50%`."),
				scalar("max_unavailable", "maxUnavailable", spec.IntOrString, "How many proxies can be stopped: a number, or a percentage such as `50%`."),
				scalar("unhealthy_pod_eviction_policy", "unhealthyPodEvictionPolicy", spec.Enum("IfHealthyBudget", "AlwaysAllow"),
					"Whether a drain can always stop proxies that are not ready (`AlwaysAllow`). `IfHealthyBudget` by default."),
			}},
		},
		{
			Name: "service", JSON: "service", Field: describe.Field{Description: "The Service in front of the proxies. Its ports are those of `servers`, and 15021 for health checks."},
			Message: &spec.Message{Fields: []spec.Field{
				scalar("type", "type", spec.Enum("LoadBalancer", "NodePort", "ClusterIP"), "How the gateway is reached. `LoadBalancer` by default."),
				collection("labels", "labels", spec.Map, spec.String, "Labels of the Service."),
				collection("annotations", "annotations", spec.Map, spec.String, "Annotations of the Service, for example for a cloud's load balancer."),
				scalar("load_balancer_class", "loadBalancerClass", spec.String, "The load balancer implementation. Kubernetes does not allow changing "+
					"it: changing it replaces the gateway."),
				scalar("load_balancer_ip", "loadBalancerIP", spec.String, "The address of the load balancer, if its implementation supports this field. Many "+
					"use an annotation instead."),
				collection("external_ips", "externalIPs", spec.List, spec.String, "Additional IP addresses for which nodes accept traffic."),
				scalar("allocate_load_balancer_node_ports", "allocateLoadBalancerNodePorts", spec.Bool, "Whether each port also gets a port on every node. "+
					"`true` by default; many load balancers need none."),
				scalar("health_check_node_port", "healthCheckNodePort", port, "The port on every node where the load balancer checks whether proxies run there, "+
					"with `external_traffic_policy = \"Local\"`. By default Kubernetes chooses one."),
				scalar("internal_traffic_policy", "internalTrafficPolicy", spec.Enum("Cluster", "Local"), "Whether traffic from within the cluster may go to proxies on other nodes (`Cluster`, the default) or to those on its own node only (`Local`)."),
				scalar("traffic_distribution", "trafficDistribution", spec.String, "Which proxies traffic from within the cluster prefers, such as `PreferSameZone`."),
				scalar("http3", "http3", spec.Bool, "Whether each server of protocol HTTPS gets a UDP port of the same number, for HTTP/3. istiod needs "+
					"`PILOT_ENABLE_QUIC_LISTENERS`, and the load balancer must support TCP and UDP on one port."),
				collection("load_balancer_source_ranges", "loadBalancerSourceRanges", spec.List, spec.String, "The client addresses, in CIDR notation, that the "+
					"load balancer allows."),
				scalar("external_traffic_policy", "externalTrafficPolicy", spec.Enum("Cluster", "Local"), "Whether traffic may hop to proxies on other nodes (`Cluster`, the default) or keeps the client's address (`Local`)."),
				collection("ip_families", "ipFamilies", spec.List, spec.Enum("IPv4", "IPv6"), "The IP families of the Service's addresses."),
				scalar("ip_family_policy", "ipFamilyPolicy", spec.Enum("SingleStack", "PreferDualStack", "RequireDualStack"), "Whether the Service has addresses of one or two IP families. Once removed, the Service keeps the policy that it has."),
				collection("node_ports", "nodePorts", spec.Map, spec.Integer(1, 65535), "Ports on every node, by the name of the server's port. Kubernetes "+
					"chooses the others."),
			}},
		},
		{
			Name: "service_account", JSON: "serviceAccount", Field: describe.Field{Description: "The ServiceAccount of the proxies. By default they have their own."},
			Message: &spec.Message{OneOfs: [][]string{{"name", "annotations"}}, Fields: []spec.Field{
				scalar("name", "name", spec.String, "The name of an existing ServiceAccount to use instead of their own."),
				collection("annotations", "annotations", spec.Map, spec.String, "Annotations of their own ServiceAccount, for example for a cloud identity."),
			}},
		},
		scalar("secret_access", "secretAccess", spec.Bool, "Whether the proxies get a Role to read the namespace's Secrets, which hold the certificates for "+
			"`credential_name`. `true` by default. With `false` Terraform needs no permissions for secrets, roles and rolebindings."),
		collection("labels", "labels", spec.Map, spec.String, "Labels of all objects that come with the gateway, pods included."),
		collection("annotations", "annotations", spec.Map, spec.String, "Annotations of all objects that come with the gateway, except pods."),
		scalar("revision", "revision", spec.String, "The revision of the Istio control plane (`istio.io/rev`) that runs the proxies. By default that of the namespace."),
		collection("pod_labels", "podLabels", spec.Map, spec.String, "Additional labels of the pods."),
		collection("pod_annotations", "podAnnotations", spec.Map, spec.String, "Additional annotations of the pods, such as `proxy.istio.io/config`."),
		collection("node_selector", "nodeSelector", spec.Map, spec.String, "Labels of the nodes that the pods can run on."),
		{
			Name: "tolerations", JSON: "tolerations", Collection: spec.List, Message: messageOf[corev1.Toleration](),
			Field: describe.Field{Description: "The taints of nodes that the pods tolerate."},
		},
		{
			Name: "affinity", JSON: "affinity", Message: messageOf[corev1.Affinity](),
			Field: describe.Field{Description: "Rules for where the pods run."},
		},
		{
			Name: "topology_spread_constraints", JSON: "topologySpreadConstraints", Collection: spec.List, Message: messageOf[corev1.TopologySpreadConstraint](),
			Field: describe.Field{Description: "How the pods spread over zones, nodes and so on. Without a `label_selector` this applies to the gateway's own pods."},
		},
		scalar("priority_class_name", "priorityClassName", spec.String, "The priority class of the pods."),
		scalar("image_pull_policy", "imagePullPolicy", spec.Enum("Always", "IfNotPresent", "Never"),
			"When a node pulls the proxy's image. `Always` by default; with `IfNotPresent` a proxy also starts while the registry does not answer."),
		{
			Name: "resources", JSON: "resources", Field: describe.Field{Description: "The CPU and memory of each proxy. Unset values keep their defaults."},
			Message: &spec.Message{Fields: []spec.Field{
				collection("requests", "requests", spec.Map, quantity, "The guaranteed CPU and memory of each proxy. By default `100m` of `cpu` and `128Mi` of `memory`."),
				collection("limits", "limits", spec.Map, quantity, "The maximum CPU and memory of each proxy. By default `2` of `cpu` and `1Gi` of `memory`."),
			}},
		},
		collection("image_pull_secrets", "imagePullSecrets", spec.List, spec.String, "The names of Secrets in the namespace with credentials for pulling images."),
		scalar("security_context", "securityContext", spec.Struct, "The security context of the pods, a PodSecurityContext"+asJSON+" It replaces the "+
			"default: unprivileged ports start at 0, and the seccomp profile is `RuntimeDefault`. With the defaults the pods meet the Pod Security Standard `restricted`."),
		scalar("container_security_context", "containerSecurityContext", spec.Struct, "The security context of the proxy's container, a "+
			"SecurityContext"+asJSON+" It replaces the default: no capabilities, no root, and a read-only file system."),
		collection("env", "env", spec.Map, spec.String, "Environment variables of the proxy, by name. For secrets use `env_var_from`."),
		collection("env_var_from", "envVarFrom", spec.List, spec.Struct, "Environment variables of the proxy with values from a Secret, a ConfigMap or the "+
			"pod: each an EnvVar"+asJSON),
		collection("volumes", "volumes", spec.List, spec.Struct, "Volumes of the pods: each a Volume"+asJSON),
		collection("volume_mounts", "volumeMounts", spec.List, spec.Struct, "Where the proxy mounts volumes: each a VolumeMount"+asJSON),
		collection("init_containers", "initContainers", spec.List, spec.Struct, "Containers that run before the proxy: each a Container"+asJSON),
		collection("additional_containers", "additionalContainers", spec.List, spec.Struct, "Containers that run beside the proxy: each a Container"+asJSON),
		scalar("readiness_probe", "readinessProbe", spec.Struct, "When a proxy is ready, instead of the probe that Istio injects: a Probe"+asJSON),
		scalar("lifecycle", "lifecycle", spec.Struct, "What the proxy's container does after it starts and before it stops: a Lifecycle"+asJSON),
		scalar("strategy", "strategy", spec.Struct, "How new proxies replace old ones, by default a quarter at a time: a DeploymentStrategy"+asJSON),
		scalar("min_ready_seconds", "minReadySeconds", spec.Integer(0, math.MaxInt32), "How many seconds a new proxy must be ready before it counts. 0 by default."),
		scalar("dns_policy", "dnsPolicy", spec.Enum("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"), "How the pods resolve names. `ClusterFirst` by default."),
		scalar("dns_config", "dnsConfig", spec.Struct, "DNS settings of the pods in addition to `dns_policy`: a PodDNSConfig"+asJSON),
		scalar("termination_grace_period_seconds", "terminationGracePeriodSeconds", spec.Integer(0, math.MaxInt32), "How many seconds a proxy has to drain its connections when it is stopped. 30 by default."),
	},
}

func scalar(name, json string, s spec.Scalar, description string) spec.Field {
	return spec.Field{Name: name, JSON: json, Scalar: s, Field: describe.Field{Description: description}}
}

func collection(name, json string, c spec.Collection, s spec.Scalar, description string) spec.Field {
	return spec.Field{Name: name, JSON: json, Collection: c, Scalar: s, Field: describe.Field{Description: description}}
}
