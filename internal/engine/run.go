package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/magneticio/terraform-provider-lamia/internal/kube"
)

// Run is the state that the resources of a provider block share during a plan or apply: the connection, and what they have found out.
type Run struct {
	*kube.Connection
	AtOnce   bool // removes everything at once, even if others need it
	deferred bool // Terraform plans again once the cluster is known

	applying   atomic.Bool // something was stored, so later plans repeat earlier ones
	unanswered atomic.Bool // a dry run got no answer
	pending    sync.Map    // by object that was read, whether it has not been planned
	claimed    sync.Map    // objects of resources in the configuration
	said       sync.Map    // texts that were already reported
	access     sync.Map    // known permissions
	offered    sync.Map    // by [Offer], when it was stored
	settling   budget
	leftovers  leftovers
}

// NewRun returns a run on a cluster. If the cluster is unknown and Terraform can defer changes, the run sends no request.
func NewRun(connection *kube.Connection, deferral bool) *Run {
	return &Run{Connection: connection, deferred: deferral && !connection.Known(), settling: budget{left: settling}}
}

// read records that the state has the object.
func (r *Run) read(o kube.Object) { r.pending.LoadOrStore(o, true) }

// planned records that the object was planned, with or without a change. Terraform plans the destruction of an object before it reads it.
func (r *Run) planned(o kube.Object) { r.pending.Store(o, false) }

// claim reports whether the object is planned for the first time. Each object must be planned only once in a graph.
func (r *Run) claim(o kube.Object) bool {
	_, claimed := r.claimed.LoadOrStore(o, nil)
	return !claimed
}

// tainted reports whether the state has the object, but it was not planned. Then a plan to create it replaces it, which is how Terraform plans
// tainted objects.
func (r *Run) tainted(o kube.Object) bool {
	pending, _ := r.pending.Load(o)
	return pending == true
}

// first reports whether the text is reported for the first time.
func (r *Run) first(text string) bool {
	_, said := r.said.LoadOrStore(text, nil)
	return !said
}

// allowed is like kube.Cluster.Allowed, with a cache.
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

// budget is time that all resources of a run share. It is used up while at least one of them waits.
type budget struct {
	mu      sync.Mutex
	left    time.Duration
	waiting int
	since   time.Time // when the first of the current waits began
}

// begin starts to wait. The returned context ends when the budget is used up, and end stops waiting.
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
