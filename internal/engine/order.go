package engine

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/magneticio/terraform-provider-lamia/internal/kube"
)

// Keeps says which elements of a list an update keeps as long as other objects need them.
type Keeps struct {
	// Attribute is the list in the spec. Its elements have names.
	Attribute string
	// Needed returns the names of elements that an update removes although others still need them, with warnings.
	Needed func(ctx context.Context, cluster *kube.Cluster, before, after *unstructured.Unstructured) ([]string, []Finding)
}

// spreading is how long istiod and its proxies may take to follow a change before another change relies on it: before something uses a new part,
// and before a part that is no longer needed is removed.
const spreading = 3 * time.Second

// Uses are the hosts and subsets that objects offer to others and take from them. A new offer is used only after it has spread to the proxies.
type Uses struct {
	Offers, Takes func(o *unstructured.Unstructured) []Offer
}

// Offer is what an object provides to others: a host, or a part of one.
type Offer struct{ Host, Part string }

// offer records new offers.
func (s *session) offer(prior values, stored *unstructured.Unstructured) {
	if s.kind.Uses.Offers == nil {
		return
	}
	before := s.offers(s.kind.Uses.Offers, prior)
	for _, o := range s.kind.Uses.Offers(stored) {
		if !slices.Contains(before, o) {
			s.run.offered.Store(o, time.Now())
		}
	}
}

// spread waits until the offers that the plan begins to use have reached the proxies, if this run has stored them. It does not wait for a new
// host with its parts, because that has no clients yet.
func (s *session) spread(prior, plan values) {
	if s.kind.Uses.Takes == nil || s.run.AtOnce {
		return
	}
	var last time.Time
	before := s.offers(s.kind.Uses.Takes, prior)
	for _, o := range s.offers(s.kind.Uses.Takes, plan) {
		_, together := s.run.offered.Load(Offer{Host: o.Host})
		at, ok := s.run.offered.Load(o)
		if ok && !slices.Contains(before, o) && (!together || prior != nil) && at.(time.Time).After(last) {
			last = at.(time.Time)
		}
	}
	if !last.IsZero() {
		s.pause(time.Until(last.Add(spreading)))
	}
}

// offers returns what the object with these values offers or takes.
func (s *session) offers(of func(*unstructured.Unstructured) []Offer, v values) []Offer {
	if v == nil {
		return nil
	}
	o, err := s.kind.object(v)
	if err != nil {
		return nil // the request itself reports this error
	}
	return of(o)
}

// pause waits, and returns false if the operation ends first.
func (s *session) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-s.ctx.Done():
		return false
	}
}

// relied warns about what an update, or a deletion if plan is nil, takes away from other objects. Before that, it waits a short time for changes
// of those objects in the same apply.
func (s *session) relied(prior, plan values) {
	if s.kind.Relied == nil || s.run.AtOnce {
		return
	}
	before, err := s.kind.object(prior)
	if err != nil {
		return
	}
	var after *unstructured.Unstructured
	if plan != nil {
		if after, err = s.kind.object(plan); err != nil || equal(before.Object["spec"], after.Object["spec"]) {
			return
		}
	}
	ctx, cancel := context.WithTimeout(s.ctx, relating)
	defer cancel()
	find := func() []Finding { return s.kind.Relied(ctx, s.cluster, before, after) }
	findings := find()
	if len(findings) > 0 {
		waiting, end := s.run.settling.begin(ctx)
		findings = s.lasting(waiting, findings, find)
		end()
	}
	s.warnOf(findings)
}

// retain returns the plan of an update plus the elements of prior that others still need. A later change in this run that makes them unnecessary
// removes them, or else the next plan does.
func (s *session) retain(prior, plan values) values {
	if s.kind.Keeps == nil || s.run.AtOnce || equal(prior[s.kind.Keeps.Attribute], plan[s.kind.Keeps.Attribute]) {
		return plan
	}
	names, findings := s.needed(s.ctx, prior, plan)
	if len(names) == 0 {
		return plan
	}
	s.warnOf(slices.DeleteFunc(findings, func(f Finding) bool { return !s.run.first(f.Summary + f.Detail) })) // an apply plans again
	kept := maps.Clone(plan)
	list, _ := plan[s.kind.Keeps.Attribute].([]any)
	list = slices.Clone(list)
	before, _ := prior[s.kind.Keeps.Attribute].([]any)
	for _, element := range before {
		if name, _ := mapOf(element)["name"].(string); slices.Contains(names, name) {
			list = append(list, element)
		}
	}
	kept[s.kind.Keeps.Attribute] = list
	return kept
}

// needed returns what others still need, or nothing if the objects cannot be encoded.
func (s *session) needed(ctx context.Context, prior, plan values) ([]string, []Finding) {
	before, err := s.kind.object(prior)
	if err != nil {
		return nil, nil // the update itself reports this error
	}
	after, err := s.kind.object(plan)
	if err != nil {
		return nil, nil
	}
	return s.kind.Keeps.Needed(ctx, s.cluster, before, after)
}

// leftovers are objects with parts to remove once nothing needs them.
type leftovers struct {
	mu  sync.Mutex
	all map[kube.Object]leftover
}

// leftover is an object that was written as kept and must become plan.
type leftover struct {
	session
	kept, plan values
}

// leave records a leftover.
func (s *session) leave(kept, plan values) {
	s.run.leftovers.mu.Lock()
	defer s.run.leftovers.mu.Unlock()
	if s.run.leftovers.all == nil {
		s.run.leftovers.all = make(map[kube.Object]leftover)
	}
	s.run.leftovers.all[s.ref] = leftover{*s, kept, plan}
}

// clear removes leftovers that nothing needs any more after a change of this object.
func (s *session) clear() {
	if s.diagnostics.HasError() {
		return
	}
	free := s.run.leftovers.take(func(l leftover) bool {
		names, _ := l.needed(s.ctx, l.kept, l.plan)
		return l.ref != s.ref && len(names) == 0
	})
	if len(free) == 0 {
		return
	}
	if !s.pause(spreading) {
		return
	}
	for _, l := range free {
		// If someone has changed the object since then, or the request fails, the rest is in the next plan.
		l.ctx, l.diagnostics = s.ctx, new(diag.Diagnostics)
		if live, err := l.update(l.kept, l.plan); err == nil {
			l.cluster.Note(l.ref, live)
		}
	}
}

// take removes and returns the leftovers that nothing needs.
func (l *leftovers) take(free func(leftover) bool) (taken []leftover) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.all, func(_ kube.Object, one leftover) bool {
		if !free(one) {
			return false
		}
		taken = append(taken, one)
		return true
	})
	return taken
}
