package engine

import (
	"fmt"
	"strings"
)

// tooNew reports the fields that the cluster's CRD does not have, with the version of Istio that has them. The API server rejects the whole
// object, even in the dry run of a plan, so no value is lost.
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
