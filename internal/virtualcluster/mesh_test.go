package virtualcluster

import (
	"maps"
	"testing"
)

// Membership is the meaning of a namespace's labels. "-" means that a label does not exist, and "" that there is no revision.
type Membership struct{ injection, revision, dataplane, Mode, Revision string }

// Memberships are all combinations of labels.
var Memberships = map[string]Membership{
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

// Labels returns the labels of the namespace.
func (m Membership) Labels() map[string]string {
	labels := map[string]string{"istio-injection": m.injection, "istio.io/rev": m.revision, "istio.io/dataplane-mode": m.dataplane}
	maps.DeleteFunc(labels, func(_, value string) bool { return value == "-" })
	return labels
}

func TestMembership(t *testing.T) {
	t.Parallel()
	for name, m := range Memberships {
		got := membership("team", m.Labels())
		if got.Mode != m.Mode || (got.Revision == nil) != (m.Revision == "") || got.Revision != nil && *got.Revision != m.Revision {
			t.Errorf("%s: %v by %v, want %v by %q", name, got.Mode, got.Revision, m.Mode, m.Revision)
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
