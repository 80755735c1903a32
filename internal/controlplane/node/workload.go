package node

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Workload is what runs in a pod.
type Workload interface {
	// Run blocks until the workload fails, until stop is closed and its work in progress is done, or until ctx ends. It calls ready once it
	// serves its purpose, and event with what users should know.
	Run(ctx context.Context, stop <-chan struct{}, ready func(), event func(reason, message string)) error
}

// The delay before a failed workload restarts doubles from firstRestart to longestRestart. A kubelet's starts at 10 seconds.
const (
	firstRestart   = 100 * time.Millisecond
	longestRestart = 10 * time.Second
)

// state is the state of a pod's workload. A pod without a workload is always ready.
type state struct {
	ready    bool
	restarts int32
	last     *corev1.ContainerStateTerminated
}

// running is a pod on the node.
type running struct {
	ip     netip.Addr
	stop   chan struct{} // closed to stop the workload; nil without a workload
	done   chan struct{} // closed once the workload has stopped
	pod    *corev1.Pod
	state  *state // nil without a workload
	ending bool
}

// run runs a pod's workload, and restarts it until it is stopped or the node ends.
func (p *Pods) run(r *running, workload Workload) {
	defer close(r.done)
	wait := firstRestart
	event := func(reason, message string) { p.recorder.Event(r.pod, corev1.EventTypeWarning, reason, message) }
	for {
		began := metav1.Now()
		err := workload.Run(p.ctx, r.stop, func() {
			wait = firstRestart
			p.change(r, func(s *state) { s.ready = true })
		}, event)
		if p.ctx.Err() != nil || closed(r.stop) {
			return
		}
		p.change(r, func(s *state) {
			s.ready = false
			s.restarts++
			s.last = &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", Message: fmt.Sprint(err), StartedAt: began, FinishedAt: metav1.Now()}
		})
		event("BackOff", fmt.Sprintf("Back-off restarting failed container: %v", err))
		select {
		case <-p.ctx.Done():
			return
		case <-r.stop:
			return
		case <-time.After(wait):
			wait = min(2*wait, longestRestart)
		}
	}
}

// change updates the state of a workload and reports the pod. If the pod is ending, only its end is reported.
func (p *Pods) change(r *running, change func(*state)) {
	p.mu.Lock()
	change(r.state)
	r.pod.Status = started(r.pod, p.host, r.ip, r.state)
	ending := r.ending
	p.mu.Unlock()
	if !ending {
		p.tell(r)
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
