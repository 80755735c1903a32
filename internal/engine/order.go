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

// Keeps says which elements of a list stay as long as other objects need them.
type Keeps struct {
	// Attribute is the list, of the spec. Its elements have names.
	Attribute string
	// Needed returns the names of elements that an update removes although others still need them, with warnings about them.
	Needed func(ctx context.Context, cluster *kube.Cluster, before, after *unstructured.Unstructured) ([]string, []Finding)
}

// spreading is the time for istiod and its proxies to follow a change before another relies on it: before something uses what is new, and before
// what is no longer needed is removed.
const spreading = 3 * time.Second

// Uses are the hosts and parts that objects offer each other. A new one is not used before it has spread.
type Uses struct {
	Offers, Takes func(o *unstructured.Unstructured) []Offer
}

// Offer is what an object has for others: a host, or a part of one.
type Offer struct{ Host, Part string }

// offer notes new offers.
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

// spread waits until the offers that the plan begins to use have spread, if this run has stored them. A host that is created together with its parts
// has no clients yet.
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

// offers returns what the object of the values offers or takes.
func (s *session) offers(of func(*unstructured.Unstructured) []Offer, v values) []Offer {
	if v == nil {
		return nil
	}
	o, err := s.kind.object(v)
	if err != nil {
		return nil // the request reports it
	}
	return of(o)
}

// pause waits, and reports false if the operation ends first.
func (s *session) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-s.ctx.Done():
		return false
	}
}

// relied warns of what an update, or the deletion if plan is nil, takes away from others, after it has waited a little for their changes in the
// same apply.
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

// retain is the plan of an update with what others still need of prior, which is taken away as soon as they do not, by what is applied later in
// this run. What is left then shows in the next plan.
func (s *session) retain(prior, plan values) values {
	if s.kind.Keeps == nil || s.run.AtOnce || equal(prior[s.kind.Keeps.Attribute], plan[s.kind.Keeps.Attribute]) {
		return plan
	}
	names, findings := s.needed(s.ctx, prior, plan)
	if len(names) == 0 {
		return plan
	}
	s.warnOf(slices.DeleteFunc(findings, func(f Finding) bool { return !s.run.first(f.Summary + f.Detail) })) // an apply plans once more
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

// needed asks for what others need; nothing, if the objects cannot be told.
func (s *session) needed(ctx context.Context, prior, plan values) ([]string, []Finding) {
	before, err := s.kind.object(prior)
	if err != nil {
		return nil, nil // the update reports it
	}
	after, err := s.kind.object(plan)
	if err != nil {
		return nil, nil
	}
	return s.kind.Keeps.Needed(ctx, s.cluster, before, after)
}

// leftovers are the parts to remove once nothing needs them.
type leftovers struct {
	mu  sync.Mutex
	all map[kube.Object]leftover
}

// leftover is an object that was written as kept, and is to become as planned.
type leftover struct {
	session
	kept, plan values
}

// leave notes a leftover.
func (s *session) leave(kept, plan values) {
	s.run.leftovers.mu.Lock()
	defer s.run.leftovers.mu.Unlock()
	if s.run.leftovers.all == nil {
		s.run.leftovers.all = make(map[kube.Object]leftover)
	}
	s.run.leftovers.all[s.ref] = leftover{*s, kept, plan}
}

// clear removes what nothing needs any more after a change of this object.
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
		// If someone has changed the object since, or the request fails, the next plan shows what is left.
		l.ctx, l.diagnostics = s.ctx, new(diag.Diagnostics)
		if live, err := l.update(l.kept, l.plan); err == nil {
			l.cluster.Note(l.ref, live)
		}
	}
}

// take removes the leftovers that nothing needs, and returns them.
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
