package object

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/magneticio/terraform-provider-lamia/internal/kube"
)

// Walk is what the resources of one provider block share while Terraform walks its graph once, to plan or to apply: the connection, and what
// they have met on the way.
type Walk struct {
	*kube.Connection

	applying   atomic.Bool // something is stored, so what is planned from now on has been planned before
	unanswered atomic.Bool // a dry run got no answer
	pending    sync.Map    // whether objects that were read have not been planned
	said       sync.Map    // what need not be said twice
	access     sync.Map    // what the credentials allow
}

// read notes that the state has the object.
func (w *Walk) read(o kube.Object) { w.pending.LoadOrStore(o, true) }

// planned notes that a change of the object, or none, or its end is planned. For one to be destroyed Terraform does that before it reads it.
func (w *Walk) planned(o kube.Object) { w.pending.Store(o, false) }

// tainted reports whether the state has the object and nothing of it is planned, so that one that is planned as if there were none replaces
// it. That is how Terraform plans what it has marked as tainted.
func (w *Walk) tainted(o kube.Object) bool {
	pending, _ := w.pending.Load(o)
	return pending == true
}

// first reports whether this was not said before.
func (w *Walk) first(text string) bool {
	_, said := w.said.LoadOrStore(text, nil)
	return !said
}

// allowed is kube.Cluster.Allowed, asked once.
func (w *Walk) allowed(ctx context.Context, cluster *kube.Cluster, r right) (bool, error) {
	if known, ok := w.access.Load(r); ok {
		return known.(bool), nil
	}
	allowed, err := cluster.Allowed(ctx, r.verb, r.on)
	if err == nil {
		w.access.Store(r, allowed)
	}
	return allowed, err
}
