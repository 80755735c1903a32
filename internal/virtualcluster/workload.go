package virtualcluster

import (
	"cmp"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// workload is a Deployment, StatefulSet or DaemonSet, with what routing needs. It has nothing of a container that could be secret: no
// environment, no arguments, no volumes. It has no annotations either, because kubectl stores a copy of the whole object in one.
type workload struct {
	Kind               string            `tfsdk:"kind"`
	Name               string            `tfsdk:"name"`
	Labels             map[string]string `tfsdk:"labels"`
	PodLabels          map[string]string `tfsdk:"pod_labels"`
	Selector           selector          `tfsdk:"selector"`
	Images             []string          `tfsdk:"images"`
	ContainerPorts     []containerPort   `tfsdk:"container_ports"`
	Replicas           int64             `tfsdk:"replicas"`
	ReadyReplicas      int64             `tfsdk:"ready_replicas"`
	ServiceAccountName string            `tfsdk:"service_account_name"`
	CreationTimestamp  string            `tfsdk:"creation_timestamp"`
}

// selector is a LabelSelector.
type selector struct {
	MatchLabels      map[string]string `tfsdk:"match_labels"`
	MatchExpressions []requirement     `tfsdk:"match_expressions"`
}

type requirement struct {
	Key      string   `tfsdk:"key"`
	Operator string   `tfsdk:"operator"`
	Values   []string `tfsdk:"values"`
}

type containerPort struct {
	Container string  `tfsdk:"container"`
	Name      *string `tfsdk:"name"`
	Port      int64   `tfsdk:"port"`
	Protocol  string  `tfsdk:"protocol"`
}

// workloadKind is a kind of workloads.
type workloadKind struct {
	kind, resource string
	convert        func(*unstructured.Unstructured) (workload, error)
}

// The kinds that have pods.
var (
	deployments = workloadKind{"Deployment", "deployments", func(live *unstructured.Unstructured) (workload, error) {
		d, err := decode[appsv1.Deployment](live)
		return newWorkload("Deployment", d.ObjectMeta, d.Spec.Selector, d.Spec.Template, orOne(d.Spec.Replicas), d.Status.ReadyReplicas), err
	}}
	statefulSets = workloadKind{"StatefulSet", "statefulsets", func(live *unstructured.Unstructured) (workload, error) {
		s, err := decode[appsv1.StatefulSet](live)
		return newWorkload("StatefulSet", s.ObjectMeta, s.Spec.Selector, s.Spec.Template, orOne(s.Spec.Replicas), s.Status.ReadyReplicas), err
	}}
	daemonSets = workloadKind{"DaemonSet", "daemonsets", func(live *unstructured.Unstructured) (workload, error) {
		d, err := decode[appsv1.DaemonSet](live)
		return newWorkload("DaemonSet", d.ObjectMeta, d.Spec.Selector, d.Spec.Template, d.Status.DesiredNumberScheduled, d.Status.NumberReady), err
	}}
)

// orOne returns the number of replicas, 1 by default.
func orOne(replicas *int32) int32 {
	if replicas == nil {
		return 1
	}
	return *replicas
}

func newWorkload(kind string, meta metav1.ObjectMeta, s *metav1.LabelSelector, pods corev1.PodTemplateSpec, wanted, ready int32) workload {
	w := workload{
		Kind:               kind,
		Name:               meta.Name,
		Labels:             notNil(meta.Labels),
		PodLabels:          notNil(pods.Labels),
		Selector:           selector{MatchLabels: map[string]string{}, MatchExpressions: []requirement{}},
		Images:             []string{},
		ContainerPorts:     []containerPort{},
		Replicas:           int64(wanted),
		ReadyReplicas:      int64(ready),
		ServiceAccountName: cmp.Or(pods.Spec.ServiceAccountName, "default"),
		CreationTimestamp:  meta.CreationTimestamp.UTC().Format(time.RFC3339),
	}
	if s != nil {
		w.Selector.MatchLabels = notNil(s.MatchLabels)
		for _, e := range s.MatchExpressions {
			w.Selector.MatchExpressions = append(w.Selector.MatchExpressions,
				requirement{Key: e.Key, Operator: string(e.Operator), Values: slices.Sorted(slices.Values(e.Values))})
		}
	}
	for _, c := range serving(pods.Spec) {
		w.Images = append(w.Images, c.Image)
		for _, p := range c.Ports {
			w.ContainerPorts = append(w.ContainerPorts, containerPort{
				Container: c.Name, Name: orNull(p.Name), Port: int64(p.ContainerPort), Protocol: string(cmp.Or(p.Protocol, corev1.ProtocolTCP)),
			})
		}
	}
	slices.SortStableFunc(w.ContainerPorts, func(a, b containerPort) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Container, b.Container))
	})
	return w
}

// serving returns the containers that run as long as the pod, including the init containers that Kubernetes calls sidecars.
func serving(pod corev1.PodSpec) (containers []corev1.Container) {
	containers = slices.Clone(pod.Containers)
	for _, c := range pod.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			containers = append(containers, c)
		}
	}
	return containers
}

// orNull returns null for a value that Kubernetes omits.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
