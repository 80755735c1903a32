package node

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

const imagePullBackOff = "ImagePullBackOff"

// pullable returns the reason why an image cannot be pulled, or "". Two kinds of images cannot: "auto", which Istio's injection should have
// replaced, and images from a registry in the domain .invalid, which never exists (RFC 6761). They fail on a real node, too.
func pullable(image string) string {
	registry, _, _ := strings.Cut(image, "/")
	host, _, _ := strings.Cut(registry, ":")
	switch {
	case image == "auto":
		return fmt.Sprintf("Back-off pulling image %q: no such image; was the pod injected by istiod?", image)
	case strings.HasSuffix(host, ".invalid"):
		return fmt.Sprintf("Back-off pulling image %q: lookup %s: no such host", image, host)
	}
	return ""
}

// pullableAll reports whether all images of a pod can be pulled.
func pullableAll(pod *corev1.Pod) bool {
	return !slices.ContainsFunc(slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers), func(c corev1.Container) bool { return pullable(c.Image) != "" })
}

// started returns the status of a pod that a node has started. With a workload, its state decides whether the containers are ready.
func started(pod *corev1.Pod, host, ip netip.Addr, workload *state) corev1.PodStatus {
	now := metav1.Now()
	s := corev1.PodStatus{
		ObservedGeneration: pod.Generation,
		Phase:              corev1.PodRunning,
		QOSClass:           pod.Status.QOSClass,
		HostIP:             host.String(),
		HostIPs:            []corev1.HostIP{{IP: host.String()}},
		PodIP:              ip.String(),
		PodIPs:             []corev1.PodIP{{IP: ip.String()}},
		StartTime:          ptr.To(ptr.Deref(pod.Status.StartTime, now)),
	}
	initialized := true
	for _, c := range pod.Spec.InitContainers {
		status := runs(pod, c)
		switch sidecar := ptr.Deref(c.RestartPolicy, "") == corev1.ContainerRestartPolicyAlways; {
		case !initialized:
			status = waiting(c, "PodInitializing", "")
		case pullable(c.Image) != "":
			status, initialized = waiting(c, imagePullBackOff, pullable(c.Image)), false
		case !sidecar:
			status = terminated(status, "Completed")
			status.Ready = true // a completed init container is ready
		}
		s.InitContainerStatuses = append(s.InitContainerStatuses, status)
	}
	ready := initialized
	for _, c := range pod.Spec.Containers {
		status := runs(pod, c)
		switch {
		case !initialized:
			status = waiting(c, "PodInitializing", "")
		case pullable(c.Image) != "":
			status, ready = waiting(c, imagePullBackOff, pullable(c.Image)), false
		case workload != nil:
			status.RestartCount, status.LastTerminationState.Terminated = workload.restarts, workload.last
			if !workload.ready {
				status.Ready, ready = false, false
			}
		}
		s.ContainerStatuses = append(s.ContainerStatuses, status)
	}
	if !initialized || !pullableAll(pod) {
		s.Phase = corev1.PodPending
	}
	s.Conditions = conditions(pod, map[corev1.PodConditionType]bool{
		corev1.PodReadyToStartContainers: true,
		corev1.PodInitialized:            initialized,
		corev1.ContainersReady:           ready,
		corev1.PodReady:                  ready,
	}, "ContainersNotReady")
	return s
}

// ended returns the status of a pod whose containers have stopped as requested.
func ended(pod *corev1.Pod) corev1.PodStatus {
	s := *pod.Status.DeepCopy()
	s.Phase = corev1.PodSucceeded
	for _, statuses := range [][]corev1.ContainerStatus{s.InitContainerStatuses, s.ContainerStatuses} {
		for i := range statuses {
			statuses[i] = terminated(statuses[i], "Completed")
		}
	}
	s.Conditions = conditions(pod, map[corev1.PodConditionType]bool{
		corev1.PodReadyToStartContainers: false,
		corev1.ContainersReady:           false,
		corev1.PodReady:                  false,
	}, "PodCompleted")
	return s
}

// conditions sets the node's conditions and keeps those of other components, such as the scheduler.
func conditions(pod *corev1.Pod, set map[corev1.PodConditionType]bool, reasonIfFalse string) []corev1.PodCondition {
	now := metav1.Now()
	all := append([]corev1.PodCondition(nil), pod.Status.Conditions...)
	for _, kind := range []corev1.PodConditionType{corev1.PodReadyToStartContainers, corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
		value, ok := set[kind]
		if !ok {
			continue
		}
		c := corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, ObservedGeneration: pod.Generation, LastTransitionTime: now}
		if !value {
			c.Status, c.Reason = corev1.ConditionFalse, reasonIfFalse
		}
		known := false
		for i := range all {
			if all[i].Type == kind {
				known = true
				if all[i].Status == c.Status {
					c.LastTransitionTime = all[i].LastTransitionTime
				}
				all[i] = c
			}
		}
		if !known {
			all = append(all, c)
		}
	}
	return all
}

func runs(pod *corev1.Pod, c corev1.Container) corev1.ContainerStatus {
	return corev1.ContainerStatus{
		Name: c.Name, Image: c.Image, ImageID: c.Image, Ready: true, Started: ptr.To(true),
		ContainerID: fmt.Sprintf("simulated://%s/%s", pod.UID, c.Name),
		State:       corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}},
	}
}

func waiting(c corev1.Container, reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{
		Name: c.Name, Image: c.Image, Started: ptr.To(false),
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
	}
}

func terminated(s corev1.ContainerStatus, reason string) corev1.ContainerStatus {
	now := metav1.Now()
	t := &corev1.ContainerStateTerminated{Reason: reason, ContainerID: s.ContainerID, StartedAt: now, FinishedAt: now}
	if s.State.Running != nil {
		t.StartedAt = s.State.Running.StartedAt
	}
	s.Ready, s.Started, s.State = false, ptr.To(false), corev1.ContainerState{Terminated: t}
	return s
}
