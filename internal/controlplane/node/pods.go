package node

import (
	"context"
	"fmt"
	"net/netip"
	"sync"

	"github.com/virtual-kubelet/virtual-kubelet/errdefs"
	"github.com/virtual-kubelet/virtual-kubelet/log"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/ptr"

	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/address"
)

// Pods implements virtual-kubelet's PodLifecycleHandler and PodNotifier. It reports the status that a kubelet would report for each pod, and
// runs its workload.
type Pods struct {
	client   kubernetes.Interface
	recorder record.EventRecorder
	host     netip.Addr
	ips      *address.Pool
	workload func(*corev1.Pod, netip.Addr) Workload
	leaving  func(netip.Addr, bool)
	notify   func(*corev1.Pod)

	ctx       context.Context // of all workloads
	workloads sync.WaitGroup

	telling sync.Mutex

	mu   sync.Mutex
	pods map[string]*running
}

func newPods(ctx context.Context, client kubernetes.Interface, recorder record.EventRecorder, config Config) *Pods {
	return &Pods{
		client: client, recorder: recorder, host: config.Address, ips: config.Pods, workload: config.Workload, leaving: config.Leaving,
		ctx: ctx, pods: map[string]*running{},
	}
}

// NotifyPods sets the function to call when a pod's status has changed.
func (p *Pods) NotifyPods(_ context.Context, notify func(*corev1.Pod)) {
	p.notify = notify
}

// CreatePod starts a pod. It gets an IP and runs, or waits for an image that cannot be pulled.
func (p *Pods) CreatePod(ctx context.Context, pod *corev1.Pod) error {
	return p.UpdatePod(ctx, pod)
}

// UpdatePod sets the status that follows from the pod's spec, and starts the workload once all images can be pulled.
func (p *Pods) UpdatePod(_ context.Context, pod *corev1.Pod) error {
	r := &running{pod: pod.DeepCopy(), ip: p.host}
	if !pod.Spec.HostNetwork {
		var err error
		if r.ip, err = p.ips.Acquire(string(pod.UID)); err != nil {
			return fmt.Errorf("IP of pod %s/%s: %w", pod.Namespace, pod.Name, err)
		}
	}

	p.mu.Lock()
	before := p.pods[key(pod.Namespace, pod.Name)]
	same := before != nil && before.pod.UID == pod.UID
	var workload Workload
	switch {
	case same && before.stop != nil: // the workload keeps running
		before.pod, r = r.pod, before
	case pod.Status.Phase != corev1.PodSucceeded && p.workload != nil && pullableAll(pod):
		if workload = p.workload(r.pod, r.ip); workload != nil {
			r.state, r.stop, r.done = &state{}, make(chan struct{}), make(chan struct{})
		}
	}
	r.pod.Status = started(r.pod, p.host, r.ip, r.state)
	p.pods[key(pod.Namespace, pod.Name)] = r
	p.mu.Unlock()

	if before != nil && !same {
		go p.end(before) // a pod with the same name was replaced before its end was noticed
	}
	p.report(p.tell(r))
	if workload != nil {
		p.workloads.Go(func() { p.run(r, workload) })
	}
	return nil
}

// tell reports the current status of a pod and returns the pod. Concurrent calls are serialized, so that the last report has the latest status.
func (p *Pods) tell(r *running) *corev1.Pod {
	p.telling.Lock()
	defer p.telling.Unlock()
	p.mu.Lock()
	pod := r.pod.DeepCopy()
	p.mu.Unlock()
	p.notify(pod)
	return pod
}

// report records the events of images that cannot be pulled, as a kubelet does.
func (p *Pods) report(pod *corev1.Pod) {
	for _, s := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
		if s.State.Waiting != nil && s.State.Waiting.Reason == imagePullBackOff {
			p.recorder.Event(pod, corev1.EventTypeWarning, "Failed", s.State.Waiting.Message)
		}
	}
}

// DeletePod ends a pod and deletes it from the API server as soon as its workload has finished. It does not wait for the rest of the grace
// period.
func (p *Pods) DeletePod(_ context.Context, pod *corev1.Pod) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, ok := p.pods[key(pod.Namespace, pod.Name)]
	if !ok || r.pod.UID != pod.UID {
		p.ips.Release(string(pod.UID))
		return errdefs.NotFoundf("pod %s/%s is not on this node", pod.Namespace, pod.Name)
	}
	if !r.ending {
		r.ending = true
		p.workloads.Go(func() { p.remove(r) })
	}
	return nil
}

// remove ends a pod and deletes it from the API server.
func (p *Pods) remove(r *running) {
	p.end(r)

	p.mu.Lock()
	if at := key(r.pod.Namespace, r.pod.Name); p.pods[at] == r {
		delete(p.pods, at)
	}
	r.pod.Status = ended(r.pod)
	p.mu.Unlock()
	pod := p.tell(r)
	err := p.client.CoreV1().Pods(pod.Namespace).Delete(p.ctx, pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: ptr.To[int64](0),
		Preconditions:      metav1.NewUIDPreconditions(string(pod.UID)),
	})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		log.G(p.ctx).WithError(err).Warnf("pod %s/%s is left to virtual-kubelet", pod.Namespace, pod.Name)
	}
}

// end stops a pod's workload, waits for its end, and releases the pod's IP.
func (p *Pods) end(r *running) {
	if r.stop != nil {
		p.leaving(r.ip, true)
		close(r.stop)
		<-r.done
		p.leaving(r.ip, false)
	}
	p.ips.Release(string(r.pod.UID))
}

// GetPod returns a pod of this node.
func (p *Pods) GetPod(_ context.Context, namespace, name string) (*corev1.Pod, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, ok := p.pods[key(namespace, name)]
	if !ok {
		return nil, errdefs.NotFoundf("pod %s/%s is not on this node", namespace, name)
	}
	return r.pod.DeepCopy(), nil
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
	for _, r := range p.pods {
		pods = append(pods, r.pod.DeepCopy())
	}
	return pods, nil
}

func key(namespace, name string) string { return namespace + "/" + name }
