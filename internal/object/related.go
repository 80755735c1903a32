package object

import (
	"context"
	"errors"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Finding is something about an object that follows from what else the cluster holds, or lacks.
type Finding struct {
	Field   string // that it is about, as the API server calls it, such as "spec.gateways[0]"
	Summary string
	Detail  string
}

const (
	// relating is how long looking at other objects may take, whatever is left of the operation's time.
	relating = 10 * time.Second
	// settling is how long to wait for objects that Terraform makes or takes away at the same time.
	settling = 3 * time.Second
	// leaving is how long to wait, before anything is written, for objects that Terraform changes at the same time.
	leaving = 5 * time.Second
)

// relate warns of what follows from other objects for the stored one. What followed already from prior, an earlier version of it, was said when
// that was read. It is no part of the operation: it needs no rights, never fails, and does not count against the operation's time.
func (s *session) relate(prior values, stored *unstructured.Unstructured, since time.Time, patience time.Duration) {
	if s.kind.Related == nil || errors.Is(s.ctx.Err(), context.Canceled) {
		return
	}
	var before *unstructured.Unstructured
	if prior != nil {
		if object, err := s.kind.object(prior); err == nil {
			before = stored.DeepCopy()
			before.Object["spec"] = object.Object["spec"]
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), relating)
	defer cancel()
	for _, f := range lasting(ctx, since, patience, func(since time.Time) []Finding {
		findings := s.kind.Related(ctx, s.cluster, since, stored)
		if before == nil || len(findings) == 0 {
			return findings
		}
		said := s.kind.Related(ctx, s.cluster, since, before)
		return slices.DeleteFunc(findings, func(f Finding) bool { return slices.Contains(said, f) })
	}) {
		if at, ok := s.kind.at(f.Field); ok {
			s.diagnostics.AddAttributeWarning(at, f.Summary, f.Detail)
		} else {
			s.diagnostics.AddWarning(f.Summary, f.Detail)
		}
	}
}

// relied refuses an update that takes away what other objects rely on, and reports whether it did.
func (s *session) relied(prior, plan values) bool {
	if s.kind.Relied == nil {
		return false
	}
	before, err := s.kind.object(prior)
	if err != nil {
		return false // it is the update's to say
	}
	after, err := s.kind.object(plan)
	if err != nil {
		return false
	}
	findings := lasting(s.ctx, time.Now(), leaving, func(since time.Time) []Finding {
		return s.kind.Relied(s.ctx, s.cluster, since, before, after)
	})
	for _, f := range findings {
		if at, ok := s.kind.at(f.Field); ok {
			s.diagnostics.AddAttributeError(at, f.Summary, f.Detail)
		} else {
			s.diagnostics.AddError(f.Summary, f.Detail)
		}
	}
	return len(findings) > 0
}

// lasting are the findings in what was read at since or later that are still there when it is read anew, again and again until patience is over.
func lasting(ctx context.Context, since time.Time, patience time.Duration, find func(since time.Time) []Finding) []Finding {
	findings := find(since)
	if len(findings) == 0 || patience == 0 {
		return findings
	}
	end := time.Now().Add(patience)
	_ = polling.DelayFunc().Until(ctx, true, true, func(context.Context) (bool, error) {
		findings = find(time.Now())
		return len(findings) == 0 || time.Now().After(end), nil
	})
	return findings
}
