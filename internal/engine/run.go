package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/magneticio/terraform-provider-lamia/internal/kube"
)

// Run is what the resources of a provider block share during one plan or apply: the connection, and what they have found out.
type Run struct {
	*kube.Connection
	AtOnce   bool // nothing stays because others need it
	deferred bool // Terraform plans again once the cluster is known

	applying   atomic.Bool // something is stored, so what is planned from now on has been planned before
	unanswered atomic.Bool // a dry run got no answer
	pending    sync.Map    // whether objects that were read have not been planned
	claimed    sync.Map    // objects that a resource of the configuration is about
	said       sync.Map    // what need not be said twice
	access     sync.Map    // what the credentials allow
	offered    sync.Map    // when an [Offer] was stored
	settling   budget
	leftovers  leftovers
}

// NewRun begins a run on a cluster. If the cluster is unknown and Terraform can defer changes, the run sends no request.
func NewRun(connection *kube.Connection, deferral bool) *Run {
	return &Run{Connection: connection, deferred: deferral && !connection.Known(), settling: budget{left: settling}}
}

// read notes that the state has the object.
func (r *Run) read(o kube.Object) { r.pending.LoadOrStore(o, true) }

// planned notes that a change of the object, or none, or its end is planned. For one to be destroyed Terraform does that before it reads it.
func (r *Run) planned(o kube.Object) { r.pending.Store(o, false) }

// claim reports whether the object is planned for the first time, as it is to be once in a graph.
func (r *Run) claim(o kube.Object) bool {
	_, claimed := r.claimed.LoadOrStore(o, nil)
	return !claimed
}

// tainted reports whether the state has the object and nothing of it is planned, so that one that is planned as if there were none replaces
// it. That is how Terraform plans what it has marked as tainted.
func (r *Run) tainted(o kube.Object) bool {
	pending, _ := r.pending.Load(o)
	return pending == true
}

// first reports whether this is reported for the first time.
func (r *Run) first(text string) bool {
	_, said := r.said.LoadOrStore(text, nil)
	return !said
}

// allowed is kube.Cluster.Allowed, with the answer kept.
func (r *Run) allowed(ctx context.Context, cluster *kube.Cluster, right right) (bool, error) {
	if known, ok := r.access.Load(right); ok {
		return known.(bool), nil
	}
	allowed, err := cluster.Allowed(ctx, right.verb, right.on)
	if err == nil {
		r.access.Store(right, allowed)
	}
	return allowed, err
}

// budget is time that all resources of a run share. It passes while at least one of them waits.
type budget struct {
	mu      sync.Mutex
	left    time.Duration
	waiting int
	since   time.Time // when the first of those that wait began
}

// begin begins to wait; end ends it. The context ends with the budget.
func (b *budget) begin(ctx context.Context) (waiting context.Context, end func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting++; b.waiting == 1 {
		b.since = time.Now()
	}
	ctx, cancel := context.WithDeadline(ctx, b.since.Add(b.left))
	return ctx, func() {
		cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.waiting--; b.waiting == 0 {
			b.left -= time.Since(b.since)
		}
	}
}
