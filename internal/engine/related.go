package engine

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	// relating limits the time for reading other objects, independent of the operation's timeout.
	relating = 10 * time.Second
	// settling is how long all resources of an apply together wait for objects that Terraform creates or deletes at the same time.
	settling = 3 * time.Second
)

// relate warns about findings for the stored object, except those for prior, an earlier version that a refresh has already reported. It is not a
// part of the operation: it needs no permissions, never fails, and does not use up the operation's timeout.
func (s *session) relate(prior values, stored *unstructured.Unstructured) {
	if s.kind.Related == nil || s.interrupted() {
		return
	}
	var before *unstructured.Unstructured
	if prior != nil {
		if object, err := s.kind.object(prior); err == nil {
			before = stored.DeepCopy()
			before.Object["spec"] = object.Object["spec"]
			before.SetResourceVersion("") // otherwise it would be mistaken for the stored object
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), relating)
	defer cancel()
	find := func() []Finding {
		findings := s.kind.Related(ctx, s.cluster, stored)
		if before == nil || len(findings) == 0 {
			return findings
		}
		said := s.kind.Related(ctx, s.cluster, before)
		return slices.DeleteFunc(findings, func(f Finding) bool { return slices.Contains(said, f) })
	}
	findings := find()
	if len(findings) > 0 && s.run.applying.Load() {
		waiting, end := s.run.settling.begin(ctx)
		findings = s.lasting(waiting, findings, find)
		end()
	}
	s.warnOf(findings)
}

func (s *session) warnOf(findings []Finding) {
	for _, f := range findings {
		if at, ok := s.kind.at(f.Field); ok {
			s.diagnostics.AddAttributeWarning(at, f.Summary, f.Detail)
		} else {
			s.diagnostics.AddWarning(f.Summary, f.Detail)
		}
	}
}

// lasting repeats find until there are no findings or ctx ends, and returns the remaining findings.
func (s *session) lasting(ctx context.Context, findings []Finding, find func() []Finding) []Finding {
	s.cluster.Watch()
	_ = polling.DelayFunc().Until(ctx, false, true, func(context.Context) (bool, error) {
		findings = find()
		return len(findings) == 0, nil
	})
	return findings
}
