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
	pending    sync.Map    // objects that were read, and not planned since
	said       sync.Map    // what need not be said twice
	access     sync.Map    // what the credentials allow
}

func (w *Walk) read(o kube.Object) { w.pending.Store(o.String(), nil) }

func (w *Walk) planned(o kube.Object) { w.pending.Delete(o.String()) }

// tainted reports whether the state has the object, although it is planned as if there were none. That is how Terraform replaces an object
// that it has marked as tainted.
func (w *Walk) tainted(o kube.Object) bool {
	_, pending := w.pending.Load(o.String())
	return pending
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
