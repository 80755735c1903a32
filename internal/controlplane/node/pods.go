package node

import (
	"context"
	"fmt"
	"net/netip"
	"sync"

	"github.com/virtual-kubelet/virtual-kubelet/errdefs"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/ptr"

	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/address"
)

// Pods implements virtual-kubelet's PodLifecycleHandler and PodNotifier: it says of each pod what a kubelet
// would, without running it.
type Pods struct {
	client   kubernetes.Interface
	recorder record.EventRecorder
	host     netip.Addr
	ips      *address.Pool
	notify   func(*corev1.Pod)

	mu   sync.Mutex
	pods map[string]*corev1.Pod
}

func newPods(client kubernetes.Interface, recorder record.EventRecorder, config Config) *Pods {
	return &Pods{client: client, recorder: recorder, host: config.Address, ips: config.Pods, pods: map[string]*corev1.Pod{}}
}

// NotifyPods sets whom to tell about a changed status.
func (p *Pods) NotifyPods(_ context.Context, notify func(*corev1.Pod)) {
	p.notify = notify
}

// CreatePod starts a pod: it has an IP and runs, or waits for an image that cannot be pulled.
func (p *Pods) CreatePod(ctx context.Context, pod *corev1.Pod) error {
	return p.UpdatePod(ctx, pod)
}

// UpdatePod brings the status in line with the pod's spec.
func (p *Pods) UpdatePod(_ context.Context, pod *corev1.Pod) error {
	ip := p.host
	if !pod.Spec.HostNetwork {
		var err error
		if ip, err = p.ips.Acquire(string(pod.UID)); err != nil {
			return fmt.Errorf("IP of pod %s/%s: %w", pod.Namespace, pod.Name, err)
		}
	}
	pod = pod.DeepCopy()
	pod.Status = started(pod, p.host, ip)
	p.report(pod)

	p.mu.Lock()
	before := p.pods[key(pod.Namespace, pod.Name)]
	p.pods[key(pod.Namespace, pod.Name)] = pod
	p.mu.Unlock()
	if before != nil && before.UID != pod.UID {
		p.ips.Release(string(before.UID)) // a pod of that name was replaced before its end was seen
	}
	p.notify(pod)
	return nil
}

// report writes the events of a kubelet that cannot pull an image.
func (p *Pods) report(pod *corev1.Pod) {
	for _, s := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
		if s.State.Waiting != nil && s.State.Waiting.Reason == imagePullBackOff {
			p.recorder.Event(pod, corev1.EventTypeWarning, "Failed", s.State.Waiting.Message)
		}
	}
}

// DeletePod ends a pod and removes it from the API server: its containers have nothing to finish, so the
// grace period need not be waited for.
func (p *Pods) DeletePod(ctx context.Context, pod *corev1.Pod) error {
	p.mu.Lock()
	known, ok := p.pods[key(pod.Namespace, pod.Name)]
	if ok && known.UID != pod.UID {
		ok = false
	}
	if ok {
		delete(p.pods, key(pod.Namespace, pod.Name))
	}
	p.mu.Unlock()
	p.ips.Release(string(pod.UID))
	if !ok {
		return errdefs.NotFoundf("pod %s/%s is not on this node", pod.Namespace, pod.Name)
	}

	pod = pod.DeepCopy()
	pod.Status = ended(pod)
	p.notify(pod)
	err := p.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: ptr.To[int64](0),
		Preconditions:      metav1.NewUIDPreconditions(string(pod.UID)),
	})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

// GetPod returns a pod of this node.
func (p *Pods) GetPod(_ context.Context, namespace, name string) (*corev1.Pod, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pod, ok := p.pods[key(namespace, name)]
	if !ok {
		return nil, errdefs.NotFoundf("pod %s/%s is not on this node", namespace, name)
	}
	return pod.DeepCopy(), nil
}

// GetPodStatus returns the status of a pod of this node.
func (p *Pods) GetPodStatus(ctx context.Context, namespace, name string) (*corev1.PodStatus, error) {
	pod, err := p.GetPod(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	return &pod.Status, nil
}

// GetPods returns all pods of this node.
func (p *Pods) GetPods(context.Context) ([]*corev1.Pod, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pods := make([]*corev1.Pod, 0, len(p.pods))
	for _, pod := range p.pods {
		pods = append(pods, pod.DeepCopy())
	}
	return pods, nil
}

func key(namespace, name string) string { return namespace + "/" + name }
