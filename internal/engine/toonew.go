package engine

import (
	"fmt"
	"strings"
)

// tooNew says of each field that the cluster's CRD does not have which Istio has it. The API server says so of a plan, too (dry run), and refuses the
// whole object: no value disappears.
func (s *session) tooNew(fields []string) {
	for _, field := range fields {
		needs := "another version of Istio than the cluster's"
		if since := s.kind.Spec.Since(strings.TrimPrefix(field, "spec.")); since != "" {
			needs = "Istio " + since
		}
		summary := fmt.Sprintf("%s needs %s", s.ref, needs)
		detail := fmt.Sprintf("The cluster's CRD %s has no field %s, which needs %s. Nothing was written. Upgrade Istio and its CRDs in the cluster, or remove the attribute.",
			s.kind.Resource.GroupResource(), field, needs)
		if at, ok := s.kind.at(field); ok {
			s.diagnostics.AddAttributeError(at, summary, detail)
		} else {
			s.diagnostics.AddError(summary, detail)
		}
	}
}
