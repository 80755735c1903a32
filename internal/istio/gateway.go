package istio

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"istio.io/api/networking/v1alpha3"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pkg/config/schema/gvk"
	istio "istio.io/istio/pkg/config/validation"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apischema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/magneticio/terraform-provider-lamia/internal/analysis"
	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/kube"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// Gateway returns the kind networking.istio.io/v1 Gateway. Without a selector, it has its own proxies and an address.
func Gateway() *engine.Kind {
	k := kind(gvk.Gateway, (*v1alpha3.Gateway)(nil), istio.ValidateGateway)
	k.ValidName = validation.IsDNS1123Label // istiod rejects dots
	k.Description += " By default the provider creates proxies for the gateway, with a load balancer and so an `address`; `workload` configures them. With a " +
		"`selector`, the gateway uses existing proxies instead."
	k.DataSource = "An existing Gateway, whoever created it, and the address of the load balancer that `lamia_gateway` created for it."
	for i, f := range k.Spec.Fields {
		if f.Name == "selector" { // Istio's description covers a Gateway without a selector, which here needs an empty map
			k.Spec.Fields[i].Description = "Labels of the pods of existing proxies, in any namespace. By default the gateway has its own proxies, and this is " +
				"the label that only they have."
		}
	}
	k.Defaults = map[string]func(namespace, name string) any{
		"selector": func(namespace, name string) any { return map[string]any{gatewayLabel: gatewayID(namespace, name)} },
	}
	k.OneOfs = [][]string{{"selector", "workload"}}
	k.Companions = &engine.Companions{
		Tuning: workloadField,
		Resources: map[string]apischema.GroupVersionResource{
			"ServiceAccount":          corev1.SchemeGroupVersion.WithResource("serviceaccounts"),
			"Role":                    rbacv1.SchemeGroupVersion.WithResource("roles"),
			"RoleBinding":             rbacv1.SchemeGroupVersion.WithResource("rolebindings"),
			"Service":                 corev1.SchemeGroupVersion.WithResource("services"),
			"Deployment":              appsv1.SchemeGroupVersion.WithResource("deployments"),
			"PodDisruptionBudget":     policyv1.SchemeGroupVersion.WithResource("poddisruptionbudgets"),
			"HorizontalPodAutoscaler": autoscalingv2.SchemeGroupVersion.WithResource("horizontalpodautoscalers"),
		},
		Name:    workloadName,
		Has:     hasWorkload,
		Render:  render,
		Shared:  map[string][]string{"Deployment": {"spec", "replicas"}}, // the autoscaler takes it over
		Waiting: waitForWorkload,
		Why:     whyNotReady,
	}
	k.Replaces = func(prior, planned map[string]any) []string {
		if prior["companions"] != nil && planned["companions"] != nil && changesClass(serviceOf(prior), serviceOf(planned), "LoadBalancer") {
			return []string{"workload"}
		}
		return nil
	}
	ownName := func(s engine.Stored) any {
		spec, _, _ := unstructured.NestedMap(s.Object, "spec")
		if !hasWorkload(s.GetNamespace(), s.GetName(), spec) {
			return nil
		}
		return workloadName(s.GetName())
	}
	withoutWorkload := func(planned map[string]any) bool {
		namespace, _ := planned["namespace"].(string)
		name, _ := planned["name"].(string)
		return spec.Known(planned["selector"]) && namespace != "" && name != "" && !hasWorkload(namespace, name, planned)
	}
	k.Related = related(analysis.Gateways, analysis.Gateway)
	k.Relied = losses[networking.Gateway](k.Kind)
	addressDependsOn := []string{"selector", "workload.service", "companions.Service"}
	k.Computed = []engine.Computed{
		{
			Field: collection("addresses", "addresses", spec.List, spec.String, "The IP addresses and host names of the gateway's own load balancer, sorted; "+
				"null with a `selector`."),
			DependsOn: addressDependsOn,
			Null:      withoutWorkload,
			Read: func(s engine.Stored) any {
				if service := s.Companions["Service"]; service != nil {
					return listOf(Addresses(service))
				}
				return nil
			},
		},
		{
			Field:     scalar("address", "address", spec.String, "The first of `addresses`, for a DNS record of the hosts; null if there is none."),
			DependsOn: addressDependsOn,
			Null:      withoutWorkload,
			Read: func(s engine.Stored) any {
				if service := s.Companions["Service"]; service != nil {
					if a := Addresses(service); len(a) > 0 {
						return a[0]
					}
				}
				return nil
			},
		},
		{
			Field:     scalar("service_name", "service_name", spec.String, "The name of the gateway's own Service; null with a `selector`."),
			DependsOn: []string{"selector"},
			Null:      withoutWorkload,
			Read:      ownName,
		},
		{
			Field:     scalar("deployment_name", "deployment_name", spec.String, "The name of the gateway's own Deployment; null with a `selector`."),
			DependsOn: []string{"selector"},
			Null:      withoutWorkload,
			Read:      ownName,
		},
	}
	return k
}

// serviceOf returns the part of workload that configures the gateway's own Service.
func serviceOf(gateway map[string]any) map[string]any {
	workload, _ := gateway["workload"].(map[string]any)
	service, _ := workload["service"].(map[string]any)
	return service
}

// hasWorkload reports whether the Gateway with this spec has its own proxies.
func hasWorkload(namespace, name string, spec map[string]any) bool {
	selector, _ := spec["selector"].(map[string]any)
	return selector[gatewayLabel] == gatewayID(namespace, name)
}

// waitForWorkload waits until the rollout is complete, like kubectl rollout status, and the load balancer has an address.
func waitForWorkload(companions map[string]*unstructured.Unstructured) engine.Awaited {
	for _, kind := range []string{"Deployment", "Service"} {
		if companions[kind] == nil {
			return engine.Awaited{Kind: kind, For: "its " + kind}
		}
	}
	if failure := rolloutFailure(companions["Deployment"]); failure != "" {
		return engine.Awaited{Kind: "Deployment", For: failure, Failed: true}
	}
	if reason := waitForRollout(companions["Deployment"], companions["HorizontalPodAutoscaler"]); reason != "" {
		return engine.Awaited{Kind: "Deployment", For: reason}
	}
	return engine.Awaited{Kind: "Service", For: waitForAddress(companions["Service"])}
}

// rolloutFailure returns why Kubernetes has given up on the rollout of a Deployment, or "" if it has not.
func rolloutFailure(deployment *unstructured.Unstructured) string {
	var d appsv1.Deployment
	if convert(deployment.Object, &d) != nil || d.Status.ObservedGeneration < d.Generation {
		return ""
	}
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Reason == "ProgressDeadlineExceeded" {
			return fmt.Sprintf("the rollout of the Deployment %s has failed: %s", d.Name, strings.TrimSuffix(c.Message, "."))
		}
	}
	return ""
}

// waitForRollout returns what the rollout of a Deployment, with its autoscaler if any, still waits for.
func waitForRollout(deployment, autoscaler *unstructured.Unstructured) string {
	number := func(fields ...string) int64 {
		n, _, _ := unstructured.NestedInt64(deployment.Object, fields...)
		return n
	}
	want, updated := number("spec", "replicas"), number("status", "updatedReplicas")
	if autoscaler != nil {
		fewest, _, _ := unstructured.NestedInt64(autoscaler.Object, "spec", "minReplicas")
		want = max(want, fewest)
	}
	switch {
	case number("status", "observedGeneration") < deployment.GetGeneration():
		return fmt.Sprintf("the rollout of the Deployment %s to begin", deployment.GetName())
	case updated < want:
		return fmt.Sprintf("the Deployment %s: %d of %d proxies are up to date", deployment.GetName(), updated, want)
	case number("status", "replicas") > updated:
		return fmt.Sprintf("the Deployment %s: %d old proxies are still running", deployment.GetName(), number("status", "replicas")-updated)
	case number("status", "availableReplicas") < updated:
		return fmt.Sprintf("the Deployment %s: %d of %d proxies are available", deployment.GetName(), number("status", "availableReplicas"), updated)
	}
	return ""
}

// whyNotReady returns what the pods of the gateway wait for, and the latest warnings about its workload.
func whyNotReady(ctx context.Context, cluster *kube.Cluster, namespace, name string) string {
	var reasons []string
	list := func(resource string, options metav1.ListOptions) []unstructured.Unstructured {
		l, err := cluster.Dynamic.Resource(corev1.SchemeGroupVersion.WithResource(resource)).Namespace(namespace).List(ctx, options)
		if err != nil {
			reasons = append(reasons, fmt.Sprintf("The provider cannot list the %s in the namespace, which may show the cause.", resource))
			return nil
		}
		return l.Items
	}
	for _, pod := range list("pods", metav1.ListOptions{LabelSelector: gatewayLabel + "=" + gatewayID(namespace, name), Limit: 10}) {
		reasons = append(reasons, podReasons(pod)...)
	}
	return strings.Join(append(reasons, latestWarnings(list("events", metav1.ListOptions{FieldSelector: "type=Warning", Limit: 500}), workloadName(name))...), "\n")
}

// latestWarnings returns the five latest warning events about objects whose name begins with prefix, such as a Deployment's pods.
func latestWarnings(objects []unstructured.Unstructured, prefix string) (warnings []string) {
	var events []corev1.Event
	for _, o := range objects {
		var e corev1.Event
		if convert(o.Object, &e) == nil && strings.HasPrefix(e.InvolvedObject.Name, prefix) {
			events = append(events, e)
		}
	}
	when := func(e corev1.Event) time.Time {
		return slices.MaxFunc([]time.Time{e.LastTimestamp.Time, e.EventTime.Time, e.CreationTimestamp.Time}, time.Time.Compare)
	}
	slices.SortFunc(events, func(a, b corev1.Event) int { return when(b).Compare(when(a)) })
	for _, e := range events[:min(len(events), 5)] {
		warnings = append(warnings, fmt.Sprintf("%s %s: %s: %s", e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Reason, e.Message))
	}
	return warnings
}

func podReasons(object unstructured.Unstructured) (reasons []string) {
	var pod corev1.Pod
	if convert(object.Object, &pod) != nil {
		return nil
	}
	for _, c := range pod.Spec.Containers {
		if c.Image == "auto" {
			return []string{fmt.Sprintf("Pod %s: its image is still auto because no sidecar injector ran. Check that istiod is running and that its injection "+
				"webhook selects the namespace (labels istio-injection and istio.io/rev, or the attribute workload.revision).", pod.Name)}
		}
	}
	for _, status := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
		if w := status.State.Waiting; w != nil {
			reasons = append(reasons, strings.TrimSuffix(fmt.Sprintf("Pod %s: container %s waits: %s: %s", pod.Name, status.Name, w.Reason, w.Message), ": "))
		}
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			reasons = append(reasons, fmt.Sprintf("Pod %s: %s: %s", pod.Name, condition.Reason, condition.Message))
		}
	}
	return reasons
}
