package virtualcluster

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

type set = map[string]string

// app returns a Deployment whose selector and pods have these labels.
func app(name string, pods set) workload {
	return workload{Kind: "Deployment", Name: name, Labels: set{}, PodLabels: pods, Selector: selector{MatchLabels: pods}}
}

func (w workload) of(kind string) workload { w.Kind = kind; return w }

func (w workload) labelled(labels set) workload { w.Labels = labels; return w }

func (w workload) selected(labels set) workload { w.Selector.MatchLabels = labels; return w }

func (w workload) listening(ports ...containerPort) workload { w.ContainerPorts = ports; return w }

func TestApplications_versions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		workloads         []workload
		applicationLabels []string
		versionLabels     []string
		versions          map[string]map[string]set // by application
		left              []inseparable
	}{
		"the tutorial's": {
			workloads: []workload{
				app("d1", set{"app": "app1", "deployment": "d1", "version": "version1"}),
				app("d2", set{"app": "app1", "deployment": "d2", "version": "version2"}),
			},
			versions: map[string]map[string]set{"app1": {"version1": {"version": "version1"}, "version2": {"version": "version2"}}},
		},
		"recommended labels": {
			workloads: []workload{app("a", set{"app.kubernetes.io/name": "x", "app.kubernetes.io/version": "1.0"})},
			versions:  map[string]map[string]set{"x": {"1.0": {"app.kubernetes.io/version": "1.0"}}},
		},
		"app goes before app.kubernetes.io/name, version before app.kubernetes.io/version": {
			workloads: []workload{app("a", set{"app": "x", "app.kubernetes.io/name": "y", "version": "v1", "app.kubernetes.io/version": "1.0"})},
			versions:  map[string]map[string]set{"x": {"v1": {"version": "v1"}}},
		},
		"an empty label is none": {
			workloads: []workload{app("a", set{"app": "", "app.kubernetes.io/name": "y"})},
			versions:  map[string]map[string]set{"y": {"a": {"app": "", "app.kubernetes.io/name": "y"}}},
		},
		"no application": {
			workloads: []workload{app("a", set{"version": "v1"})},
			versions:  map[string]map[string]set{},
		},
		"no version: the workload's name, by what its selector selects": {
			workloads: []workload{
				app("a", set{"app": "x", "track": "stable", "zone": "1"}).selected(set{"app": "x", "track": "stable"}),
				app("b", set{"app": "x", "track": "canary", "zone": "1"}).selected(set{"app": "x", "track": "canary"}),
			},
			versions: map[string]map[string]set{"x": {"a": {"app": "x", "track": "stable"}, "b": {"app": "x", "track": "canary"}}},
		},
		"labels of the workload alone do not select pods": {
			workloads: []workload{
				app("a", set{"app": "x", "name": "a"}).labelled(set{"version": "v1"}),
				app("b", set{"app": "x", "name": "b"}).labelled(set{"version": "v2"}),
			},
			versions: map[string]map[string]set{"x": {"v1": {"app": "x", "name": "a"}, "v2": {"app": "x", "name": "b"}}},
		},
		"two workloads of one version": {
			workloads: []workload{
				app("a", set{"app": "x", "version": "v1", "shard": "1"}),
				app("b", set{"app": "x", "version": "v1", "shard": "2"}).of("StatefulSet"),
				app("c", set{"app": "x", "version": "v2"}).of("DaemonSet"),
			},
			versions: map[string]map[string]set{"x": {"v1": {"version": "v1"}, "v2": {"version": "v2"}}},
		},
		"a version's label on pods of another": {
			workloads: []workload{
				app("a", set{"app": "x", "stage": "1", "version": "v1", "release": "r1"}),
				app("b", set{"app": "x", "stage": "2", "version": "v1", "release": "r2"}),
			},
			versionLabels: []string{"release"},
			versions:      map[string]map[string]set{"x": {"r1": {"release": "r1"}, "r2": {"release": "r2"}}},
		},
		"version from different keys": {
			workloads: []workload{
				app("a", set{"app": "x", "version": "v1", "app.kubernetes.io/version": "v2", "name": "a"}).selected(set{"name": "a"}),
				app("b", set{"app": "x", "app.kubernetes.io/version": "v2", "name": "b"}).selected(set{"name": "b"}),
			},
			versions: map[string]map[string]set{"x": {"v1": {"version": "v1"}, "v2": {"name": "b"}}},
		},
		"selectors with expressions only": {
			workloads: []workload{
				app("a", set{"app": "x", "name": "a"}).selected(nil),
				app("b", set{"app": "x", "name": "b"}).selected(nil),
			},
			versions: map[string]map[string]set{"x": {"a": {"app": "x", "name": "a"}, "b": {"app": "x", "name": "b"}}},
		},
		"pods that no labels tell apart": {
			workloads: []workload{
				app("a", set{"app": "x"}),
				app("b", set{"app": "x", "track": "canary"}),
			},
			versions: map[string]map[string]set{"x": {"b": {"app": "x", "track": "canary"}}},
			left:     []inseparable{{"x", "a"}},
		},
		"other applications do not matter": {
			workloads: []workload{
				app("a", set{"app": "x", "version": "v1"}),
				app("b", set{"app": "y", "version": "v1"}),
			},
			versions: map[string]map[string]set{"x": {"v1": {"version": "v1"}}, "y": {"v1": {"version": "v1"}}},
		},
		"other keys": {
			workloads:         []workload{app("a", set{"app": "x", "service": "s", "release": "r1", "version": "v1"})},
			applicationLabels: []string{"service"},
			versionLabels:     []string{"missing", "release"},
			versions:          map[string]map[string]set{"s": {"r1": {"release": "r1"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys := func(given, otherwise []string) []string {
				if given != nil {
					return given
				}
				return otherwise
			}
			for range 2 { // in any order
				all, left := applications(test.workloads, keys(test.applicationLabels, applicationLabels), keys(test.versionLabels, versionLabels))
				got := map[string]map[string]set{}
				for name, a := range all {
					got[name] = a.Versions
				}
				if !reflect.DeepEqual(got, test.versions) {
					t.Errorf("versions %v, want %v", got, test.versions)
				}
				if !slices.Equal(left, test.left) {
					t.Errorf("left out %v, want %v", left, test.left)
				}
				slices.Reverse(test.workloads)
			}
		})
	}
}

func TestApplications_membersAndPorts(t *testing.T) {
	t.Parallel()
	http, metrics := "http", "metrics"
	workloads := []workload{
		app("b", set{"app": "x", "version": "1"}).listening(containerPort{"c", &http, 9090, "TCP"}, containerPort{"c", nil, 53, "UDP"}),
		app("a", set{"app": "x", "version": "2"}).listening(containerPort{"d", &http, 9090, "TCP"}, containerPort{"d", &metrics, 53, "TCP"}),
		app("a", set{"app": "x", "version": "3"}).of("StatefulSet").listening(containerPort{"d", &http, 53, "TCP"}),
		app("d", set{"app": "x", "version": "4"}).of("DaemonSet"),
	}
	for range 2 {
		all, _ := applications(workloads, applicationLabels, versionLabels)
		got := all["x"]
		var listening []string
		for _, p := range got.ContainerPorts {
			name := "-"
			if p.Name != nil {
				name = *p.Name
			}
			listening = append(listening, fmt.Sprint(name, " ", p.Port, "/", p.Protocol))
		}
		if want := []string{"- 53/TCP", "- 53/UDP", "http 9090/TCP"}; !slices.Equal(listening, want) {
			t.Errorf("ports %q, want %q", listening, want)
		}
		members := [][]string{got.Deployments, got.StatefulSets, got.DaemonSets}
		if want := [][]string{{"a", "b"}, {"a"}, {"d"}}; !reflect.DeepEqual(members, want) {
			t.Errorf("members %v, want %v", members, want)
		}
		slices.Reverse(workloads)
	}
}

// Whatever the labels are, those of a version select all of its pods and none of another version.
func TestApplications_versionsAreExact(t *testing.T) {
	t.Parallel()
	kinds := []string{"Deployment", "StatefulSet", "DaemonSet"}
	random := rand.New(rand.NewPCG(1, 2))
	some := func(from set) set {
		some := set{}
		for _, key := range []string{"version", "app.kubernetes.io/version", "track", "zone"} {
			if random.IntN(2) == 0 {
				some[key] = fmt.Sprint("v", random.IntN(3))
			}
		}
		for key, value := range from {
			some[key] = value
		}
		return some
	}
	given := 0
	for range 5000 {
		var workloads []workload
		for i := range 1 + random.IntN(5) {
			pods := some(set{"app": "x"})
			w := app(fmt.Sprint("w", i), pods).of(kinds[random.IntN(3)]).labelled(some(nil))
			if random.IntN(2) == 0 {
				w = w.selected(set{"app": "x"})
			}
			workloads = append(workloads, w)
		}
		all, left := applications(workloads, applicationLabels, versionLabels)
		versions := all["x"].Versions
		for _, w := range workloads {
			own := w.label(versionLabels)
			if own == "" {
				own = w.Name
			}
			if _, ok := versions[own]; !ok && !slices.Contains(left, inseparable{"x", own}) {
				t.Fatalf("version %s of %+v is lost", own, w)
			}
			for version, labels := range versions {
				given++
				if selects(labels, w.PodLabels) != (version == own) {
					t.Fatalf("%v of version %s, on %v of version %s among %+v", labels, version, w.PodLabels, own, workloads)
				}
			}
		}
	}
	if given == 0 {
		t.Error("no versions")
	}
}
