package virtualcluster

import (
	"maps"
	"testing"
)

// memberships are the labels of a namespace, and what they mean. "-" is a label that is not there.
var memberships = map[string]struct {
	injection, revision, dataplane string
	mode, by                       string
}{
	"no labels":                      {"-", "-", "-", none, ""},
	"injection":                      {"enabled", "-", "-", sidecar, "default"},
	"no injection":                   {"disabled", "-", "-", none, ""},
	"neither enabled nor disabled":   {"true", "-", "-", none, ""},
	"revision":                       {"-", "canary", "-", sidecar, "canary"},
	"default revision":               {"-", "default", "-", sidecar, "default"},
	"empty revision":                 {"-", "", "-", none, ""},
	"injection before revision":      {"enabled", "canary", "-", sidecar, "default"},
	"no injection before revision":   {"disabled", "default", "-", none, ""},
	"ambient":                        {"-", "-", "ambient", ambient, ""},
	"not ambient":                    {"-", "-", "none", none, ""},
	"injection before ambient":       {"enabled", "-", "ambient", sidecar, "default"},
	"revision before ambient":        {"-", "default", "ambient", sidecar, "default"},
	"no injection leaves ambient":    {"disabled", "-", "ambient", ambient, ""},
	"empty revision leaves ambient":  {"-", "", "ambient", ambient, ""},
	"no injection, revision ambient": {"disabled", "canary", "ambient", ambient, ""},
}

func membershipLabels(injection, revision, dataplane string) map[string]string {
	labels := map[string]string{"istio-injection": injection, "istio.io/rev": revision, "istio.io/dataplane-mode": dataplane}
	maps.DeleteFunc(labels, func(_, value string) bool { return value == "-" })
	return labels
}

func TestMembership(t *testing.T) {
	t.Parallel()
	for name, m := range memberships {
		got := membership("team", membershipLabels(m.injection, m.revision, m.dataplane))
		if got.Mode != m.mode || (got.Revision == nil) != (m.by == "") || got.Revision != nil && *got.Revision != m.by {
			t.Errorf("%s: %v by %v, want %v by %q", name, got.Mode, got.Revision, m.mode, m.by)
		}
	}
}

func TestMembership_systemNamespaces(t *testing.T) {
	t.Parallel()
	for namespace, want := range map[string][2]string{
		"kube-system": {none, none}, "kube-public": {none, ambient}, "kube-node-lease": {none, ambient}, "local-path-storage": {none, ambient},
		"istio-system": {sidecar, ambient},
	} {
		got := [2]string{
			membership(namespace, map[string]string{"istio-injection": "enabled"}).Mode,
			membership(namespace, map[string]string{"istio.io/dataplane-mode": "ambient"}).Mode,
		}
		if got != want {
			t.Errorf("%s: with injection %s, with ambient %s; want %s", namespace, got[0], got[1], want)
		}
	}
}
