package istio

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	applyapps "k8s.io/client-go/applyconfigurations/apps/v1"
	applyautoscaling "k8s.io/client-go/applyconfigurations/autoscaling/v2"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	applymeta "k8s.io/client-go/applyconfigurations/meta/v1"
	applypolicy "k8s.io/client-go/applyconfigurations/policy/v1"
	applyrbac "k8s.io/client-go/applyconfigurations/rbac/v1"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// gatewayLabel is the label by which a Gateway selects only its own proxies.
const gatewayLabel = "lamia.magnetic.io/gateway"

const statusPort = 15021 // of Istio's proxy, for health checks

// gatewayID returns the value of gatewayLabel. Namespaces have no dots, so no two gateways share it.
func gatewayID(namespace, name string) string {
	return shorten(namespace+"."+name, validation.LabelValueMaxLength)
}

// workloadName returns the name of a gateway's companions. It is valid for a Service: it begins with a letter and has at most 63 characters.
func workloadName(name string) string {
	const suffix = "-gateway"
	if '0' <= name[0] && name[0] <= '9' {
		name = "gw-" + name + hash(name)
	}
	return shorten(name, validation.DNS1035LabelMaxLength-len(suffix)) + suffix
}

// shorten returns s, or its beginning and a hash if it is too long.
func shorten(s string, length int) string {
	if len(s) <= length {
		return s
	}
	h := hash(s)
	return strings.TrimRight(s[:length-len(h)], "-.") + h
}

func hash(s string) string {
	h := fnv.New64a()
	h.Write([]byte(s))
	return fmt.Sprintf("-%016x", h.Sum64())
}

// render returns the companions of the Gateway with this name and spec: what Istio's gateway chart (manifests/charts/gateway) renders by
// default, with their own selector, the ports of the Gateway's servers, and a disruption budget.
func render(namespace, name string, gateway, tuning map[string]any) ([]*unstructured.Unstructured, error) {
	var w workload
	if err := convert(tuning, &w, strictly); err != nil {
		return nil, err
	}
	if err := w.check(gateway); err != nil {
		return nil, err
	}
	r := renderer{namespace: namespace, name: workloadName(name), w: w, selector: map[string]string{gatewayLabel: gatewayID(namespace, name)}}
	r.labels = withDefaults(w.Labels, map[string]string{"app": r.name, "app.kubernetes.io/name": r.name, "istio.io/dataplane-mode": "none"})
	maps.Copy(r.labels, r.selector)

	var objects []any
	if w.ServiceAccount.Name == "" {
		objects = append(objects, r.serviceAccount())
	}
	if w.SecretAccess == nil || *w.SecretAccess {
		objects = append(objects, r.role(), r.roleBinding())
	}
	objects = append(objects, r.service(gateway), r.deployment(), r.podDisruptionBudget())
	if w.Replicas == nil {
		objects = append(objects, r.autoscaler())
	}
	rendered := make([]*unstructured.Unstructured, len(objects))
	for i, o := range objects {
		rendered[i] = &unstructured.Unstructured{}
		if err := convert(o, &rendered[i].Object); err != nil {
			return nil, err
		}
		if annotations := withDefaults(rendered[i].GetAnnotations(), w.Annotations); len(annotations) > 0 {
			rendered[i].SetAnnotations(annotations)
		}
	}
	return rendered, nil
}

// check rejects what the schema cannot reject: node ports for ports that the gateway does not have.
func (w workload) check(gateway map[string]any) error {
	names := map[string]bool{}
	for _, p := range serverPorts(gateway) {
		names[p.Name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(w.Service.NodePorts)) {
		if !names[name] {
			at := path.Root("workload").AtName("service").AtName("node_ports").AtMapKey(name)
			return &spec.Error{Path: at, Err: fmt.Errorf("has a port %q that no server has; servers have %s", name, strings.Join(slices.Sorted(maps.Keys(names)), ", "))}
		}
	}
	return nil
}

type serverPort struct {
	Number, TargetPort int32
	Name, Protocol     string
}

// serverPorts returns the ports of the servers, in order.
func serverPorts(gateway map[string]any) (ports []serverPort) {
	var given struct{ Servers []struct{ Port serverPort } }
	_ = convert(gateway, &given) // it was encoded with this descriptor
	for _, s := range given.Servers {
		ports = append(ports, s.Port)
	}
	return ports
}

type renderer struct {
	namespace, name  string
	labels, selector map[string]string
	w                workload
}

func (r renderer) serviceAccount() *applycore.ServiceAccountApplyConfiguration {
	return applycore.ServiceAccount(r.name, r.namespace).WithLabels(r.labels).WithAnnotations(r.w.ServiceAccount.Annotations)
}

// runsAs returns the name of the proxies' ServiceAccount.
func (r renderer) runsAs() string { return cmp.Or(r.w.ServiceAccount.Name, r.name) }

// withDefaults returns the given entries, and the defaults of other keys.
func withDefaults(given, defaults map[string]string) map[string]string {
	all := maps.Clone(defaults)
	if all == nil {
		all = make(map[string]string)
	}
	maps.Copy(all, given)
	return all
}

func (r renderer) role() *applyrbac.RoleApplyConfiguration {
	return applyrbac.Role(r.name, r.namespace).WithLabels(r.labels).
		WithRules(applyrbac.PolicyRule().WithAPIGroups("").WithResources("secrets").WithVerbs("get", "watch", "list"))
}

func (r renderer) roleBinding() *applyrbac.RoleBindingApplyConfiguration {
	return applyrbac.RoleBinding(r.name, r.namespace).WithLabels(r.labels).
		WithRoleRef(applyrbac.RoleRef().WithAPIGroup(rbacv1.GroupName).WithKind("Role").WithName(r.name)).
		WithSubjects(applyrbac.Subject().WithKind(rbacv1.ServiceAccountKind).WithName(r.runsAs()).WithNamespace(r.namespace))
}

func (r renderer) service(gateway map[string]any) *applycore.ServiceApplyConfiguration {
	labels := withDefaults(r.labels, r.w.Service.Labels)
	s := applycore.ServiceSpec().
		WithType(cmp.Or(r.w.Service.Type, corev1.ServiceTypeLoadBalancer)).
		WithSelector(r.selector).
		WithPorts(servicePorts(gateway, r.w.Service)...).
		WithExternalIPs(r.w.Service.ExternalIPs...).
		WithLoadBalancerSourceRanges(r.w.Service.LoadBalancerSourceRanges...).
		WithIPFamilies(r.w.Service.IPFamilies...)
	s.LoadBalancerClass = r.w.Service.LoadBalancerClass
	s.ExternalTrafficPolicy = r.w.Service.ExternalTrafficPolicy
	s.IPFamilyPolicy = r.w.Service.IPFamilyPolicy
	s.LoadBalancerIP = r.w.Service.LoadBalancerIP
	s.InternalTrafficPolicy = r.w.Service.InternalTrafficPolicy
	s.TrafficDistribution = r.w.Service.TrafficDistribution
	s.HealthCheckNodePort = r.w.Service.HealthCheckNodePort
	s.AllocateLoadBalancerNodePorts = r.w.Service.AllocateLoadBalancerNodePorts
	return applycore.Service(r.name, r.namespace).WithLabels(labels).WithAnnotations(r.w.Service.Annotations).WithSpec(s)
}

var notInPortName = regexp.MustCompile(`[^a-z0-9]+`)

// servicePorts returns the distinct ports of the servers, and the proxy's status port, with valid and unique names.
func servicePorts(gateway map[string]any, service workloadService) []*applycore.ServicePortApplyConfiguration {
	status := applycore.ServicePort().WithName("status-port").WithPort(statusPort).WithTargetPort(intstr.FromInt32(statusPort)).WithProtocol(corev1.ProtocolTCP)
	ports := []*applycore.ServicePortApplyConfiguration{status}
	numbers, names := map[int32]bool{statusPort: true}, map[string]bool{*status.Name: true}
	for _, p := range serverPorts(gateway) {
		if numbers[p.Number] {
			continue
		}
		numbers[p.Number] = true
		suffix := fmt.Sprintf("-%d", p.Number)
		name := strings.Trim(notInPortName.ReplaceAllString(strings.ToLower(p.Name), "-"), "-")
		if name == "" {
			name = "port" + suffix
		}
		name = shorten(name, validation.DNS1123LabelMaxLength)
		for names[name] {
			name = shorten(name, validation.DNS1123LabelMaxLength-len(suffix)) + suffix
		}
		names[name] = true
		port := applycore.ServicePort().WithName(name).WithPort(p.Number).WithProtocol(corev1.ProtocolTCP).
			WithTargetPort(intstr.FromInt32(cmp.Or(p.TargetPort, p.Number)))
		if nodePort, ok := service.NodePorts[p.Name]; ok {
			port.WithNodePort(nodePort)
		}
		ports = append(ports, port)
		if service.HTTP3 && p.Protocol == "HTTPS" {
			udp := shorten(name, validation.DNS1123LabelMaxLength-len("-udp")) + "-udp"
			names[udp] = true
			ports = append(ports, applycore.ServicePort().WithName(udp).WithPort(p.Number).WithProtocol(corev1.ProtocolUDP).WithTargetPort(*port.TargetPort))
		}
	}
	return ports
}

func (r renderer) deployment() *applyapps.DeploymentApplyConfiguration {
	podLabels := map[string]string{"sidecar.istio.io/inject": "true"}
	if r.w.Revision != "" {
		podLabels["istio.io/rev"] = r.w.Revision
	}
	annotations := map[string]string{
		"inject.istio.io/templates": "gateway",
		"prometheus.io/path":        "/stats/prometheus",
		"prometheus.io/port":        "15020",
		"prometheus.io/scrape":      "true",
		"sidecar.istio.io/inject":   "true",
	}
	maps.Copy(annotations, r.w.PodAnnotations)
	labels := withDefaults(podLabels, withDefaults(r.labels, r.w.PodLabels))

	pod := applycore.PodSpec().
		WithServiceAccountName(r.runsAs()).
		WithSecurityContext(cmp.Or(r.w.SecurityContext, applycore.PodSecurityContext().
			WithSysctls(applycore.Sysctl().WithName("net.ipv4.ip_unprivileged_port_start").WithValue("0")).
			WithSeccompProfile(applycore.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault)))).
		WithInitContainers(r.w.InitContainers...).
		WithContainers(r.proxy()).
		WithContainers(r.w.AdditionalContainers...).
		WithVolumes(r.w.Volumes...).
		WithNodeSelector(r.w.NodeSelector).
		WithTolerations(r.w.Tolerations...).
		WithTopologySpreadConstraints(r.topologySpreadConstraints()...).
		WithTerminationGracePeriodSeconds(30)
	for _, name := range r.w.ImagePullSecrets {
		pod.WithImagePullSecrets(applycore.LocalObjectReference().WithName(name))
	}
	pod.DNSPolicy, pod.DNSConfig = r.w.DNSPolicy, r.w.DNSConfig
	pod.Affinity = r.w.Affinity
	pod.PriorityClassName = r.w.PriorityClassName
	if r.w.TerminationGracePeriodSeconds != nil {
		pod.TerminationGracePeriodSeconds = r.w.TerminationGracePeriodSeconds
	}
	s := applyapps.DeploymentSpec().
		WithSelector(applymeta.LabelSelector().WithMatchLabels(r.selector)).
		WithTemplate(applycore.PodTemplateSpec().WithLabels(labels).WithAnnotations(annotations).WithSpec(pod))
	s.Replicas, s.Strategy, s.MinReadySeconds = r.w.Replicas, r.w.Strategy, r.w.MinReadySeconds
	return applyapps.Deployment(r.name, r.namespace).WithLabels(r.labels).WithSpec(s)
}

// proxy returns the container that the injector completes.
func (r renderer) proxy() *applycore.ContainerApplyConfiguration {
	proxy := applycore.Container().
		WithName("istio-proxy").
		WithImage("auto"). // the injector replaces it with the proxy's image
		WithSecurityContext(cmp.Or(r.w.ContainerSecurityContext, applycore.SecurityContext().
			WithCapabilities(applycore.Capabilities().WithDrop("ALL")).
			WithAllowPrivilegeEscalation(false).
			WithPrivileged(false).
			WithReadOnlyRootFilesystem(true).
			WithRunAsNonRoot(true))).
		WithPorts(applycore.ContainerPort().WithContainerPort(15090).WithProtocol(corev1.ProtocolTCP).WithName("http-envoy-prom")).
		WithResources(r.resources()).
		WithVolumeMounts(r.w.VolumeMounts...)
	for _, name := range slices.Sorted(maps.Keys(r.w.Env)) {
		proxy.WithEnv(applycore.EnvVar().WithName(name).WithValue(r.w.Env[name]))
	}
	proxy.WithEnv(r.w.EnvVarFrom...)
	proxy.ImagePullPolicy, proxy.ReadinessProbe, proxy.Lifecycle = r.w.ImagePullPolicy, r.w.ReadinessProbe, r.w.Lifecycle
	return proxy
}

func (r renderer) resources() *applycore.ResourceRequirementsApplyConfiguration {
	requests := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("128Mi")}
	limits := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2"), corev1.ResourceMemory: resource.MustParse("1Gi")}
	if r.w.Resources != nil {
		maps.Copy(requests, r.w.Resources.Requests)
		maps.Copy(limits, r.w.Resources.Limits)
	}
	return applycore.ResourceRequirements().WithRequests(requests).WithLimits(limits)
}

// topologySpreadConstraints adds a selector to constraints without one, because those would count no pods.
func (r renderer) topologySpreadConstraints() []*applycore.TopologySpreadConstraintApplyConfiguration {
	constraints := slices.Clone(r.w.TopologySpreadConstraints)
	for _, c := range constraints {
		if c.LabelSelector == nil {
			c.WithLabelSelector(applymeta.LabelSelector().WithMatchLabels(r.selector))
		}
	}
	return constraints
}

func (r renderer) autoscaler() *applyautoscaling.HorizontalPodAutoscalerApplyConfiguration {
	a := r.w.Autoscaling
	low := int32(1)
	if a.MinReplicas != nil {
		low = *a.MinReplicas
	}
	high := max(low, 5)
	if a.MaxReplicas != nil {
		high = *a.MaxReplicas
	}
	cpu := int32(80)
	if a.TargetCPUUtilizationPercentage != nil {
		cpu = *a.TargetCPUUtilizationPercentage
	}
	use := func(of corev1.ResourceName, percent int32) *applyautoscaling.MetricSpecApplyConfiguration {
		return applyautoscaling.MetricSpec().
			WithType(autoscalingv2.ResourceMetricSourceType).
			WithResource(applyautoscaling.ResourceMetricSource().WithName(of).
				WithTarget(applyautoscaling.MetricTarget().WithType(autoscalingv2.UtilizationMetricType).WithAverageUtilization(percent)))
	}
	s := applyautoscaling.HorizontalPodAutoscalerSpec().
		WithScaleTargetRef(applyautoscaling.CrossVersionObjectReference().
			WithAPIVersion(appsv1.SchemeGroupVersion.String()).WithKind("Deployment").WithName(r.name)).
		WithMinReplicas(low).
		WithMaxReplicas(high).
		WithMetrics(use(corev1.ResourceCPU, cpu))
	if memory := a.TargetMemoryUtilizationPercentage; memory != nil {
		s.WithMetrics(use(corev1.ResourceMemory, *memory))
	}
	s.Behavior = a.Behavior
	return applyautoscaling.HorizontalPodAutoscaler(r.name, r.namespace).WithLabels(r.labels).WithSpec(s)
}

func (r renderer) podDisruptionBudget() *applypolicy.PodDisruptionBudgetApplyConfiguration {
	s := applypolicy.PodDisruptionBudgetSpec().WithSelector(applymeta.LabelSelector().WithMatchLabels(r.selector))
	s.MinAvailable, s.MaxUnavailable = r.w.PodDisruptionBudget.MinAvailable, r.w.PodDisruptionBudget.MaxUnavailable
	s.UnhealthyPodEvictionPolicy = r.w.PodDisruptionBudget.UnhealthyPodEvictionPolicy
	if s.MinAvailable == nil && s.MaxUnavailable == nil {
		s.WithMaxUnavailable(intstr.FromInt32(1))
	}
	return applypolicy.PodDisruptionBudget(r.name, r.namespace).WithLabels(r.labels).WithSpec(s)
}

// convert converts between Go types of an object through JSON.
func convert(from, to any, options ...func(*json.Decoder)) error {
	data, err := json.Marshal(from)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	for _, option := range options {
		option(d)
	}
	return d.Decode(to)
}

// strictly rejects unknown fields: those in the JSON of a container come from the user.
func strictly(d *json.Decoder) { d.DisallowUnknownFields() }
