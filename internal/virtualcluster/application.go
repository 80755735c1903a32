package virtualcluster

import (
	"cmp"
	"maps"
	"slices"
)

// The default labels of workloads for their application and version.
var (
	applicationLabels = []string{"app", "app.kubernetes.io/name"}
	versionLabels     = []string{"version", "app.kubernetes.io/version"}
)

// application is a group of workloads, which are its versions. The names of workloads are grouped by kind, like the virtual cluster's maps.
type application struct {
	Deployments    []string                     `tfsdk:"deployments"`
	StatefulSets   []string                     `tfsdk:"stateful_sets"`
	DaemonSets     []string                     `tfsdk:"daemon_sets"`
	ContainerPorts []port                       `tfsdk:"container_ports"`
	Versions       map[string]map[string]string `tfsdk:"versions"`
}

// port is a port of any container in an application's pods.
type port struct {
	Name     *string `tfsdk:"name"`
	Port     int64   `tfsdk:"port"`
	Protocol string  `tfsdk:"protocol"`
}

// inseparable is a version whose pods have no unique labels.
type inseparable struct{ application, version string }

// applications groups workloads by the first key in applicationKeys that is set, and the workloads of an application by the first key in
// versionKeys. A workload without an application label is in no application. Without a version label, its name is the version. Versions that
// labels cannot select are returned separately, sorted.
func applications(workloads []workload, applicationKeys, versionKeys []string) (map[string]application, []inseparable) {
	grouped := map[string][]workload{}
	for _, w := range workloads {
		if name := w.label(applicationKeys); name != "" {
			grouped[name] = append(grouped[name], w)
		}
	}
	all, left := map[string]application{}, []inseparable(nil)
	for _, name := range slices.Sorted(maps.Keys(grouped)) {
		members := grouped[name]
		a := application{
			Deployments:    names(members, deployments),
			StatefulSets:   names(members, statefulSets),
			DaemonSets:     names(members, daemonSets),
			ContainerPorts: ports(members),
			Versions:       map[string]map[string]string{},
		}
		versions := map[string][]workload{}
		for _, w := range members {
			version := cmp.Or(w.label(versionKeys), w.Name)
			versions[version] = append(versions[version], w)
		}
		for _, version := range slices.Sorted(maps.Keys(versions)) {
			if labels := selecting(version, versions, versionKeys); labels != nil {
				a.Versions[version] = labels
			} else {
				left = append(left, inseparable{name, version})
			}
		}
		all[name] = a
	}
	return all, left
}

// label returns the value of the first key that is set, on the pods or else on the workload itself, or "".
func (w workload) label(keys []string) string {
	for _, key := range keys {
		if value := cmp.Or(w.PodLabels[key], w.Labels[key]); value != "" {
			return value
		}
	}
	return ""
}

func names(workloads []workload, k workloadKind) []string {
	names := []string{}
	for _, w := range workloads {
		if w.Kind == k.kind {
			names = append(names, w.Name)
		}
	}
	slices.Sort(names)
	return names
}

// ports returns the distinct ports of all containers, sorted. A port with several names has none.
func ports(workloads []workload) []port {
	type key struct {
		number   int64
		protocol string
	}
	found := map[key]port{}
	for _, w := range workloads {
		for _, p := range w.ContainerPorts {
			k := key{p.Port, p.Protocol}
			known, ok := found[k]
			if !ok {
				known = port{Name: p.Name, Port: p.Port, Protocol: p.Protocol}
			} else if known.Name != nil && (p.Name == nil || *p.Name != *known.Name) {
				known.Name = nil
			}
			found[k] = known
		}
	}
	return append([]port{}, slices.SortedFunc(maps.Values(found), func(a, b port) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol))
	})...)
}

// selecting returns labels that select exactly the pods of the version: the version label if that is enough, or else the labels that the
// workloads' selectors have in common, or else all labels that their pods have in common. It returns nil if none of them is enough.
func selecting(version string, versions map[string][]workload, versionKeys []string) map[string]string {
	common := shared(versions[version], func(w workload) map[string]string { return w.PodLabels })
	var candidates []map[string]string
	for _, key := range versionKeys {
		if common[key] == version {
			candidates = append(candidates, map[string]string{key: version})
		}
	}
	candidates = append(candidates, shared(versions[version], func(w workload) map[string]string { return w.Selector.MatchLabels }), common)
	for _, labels := range candidates {
		if len(labels) > 0 && !selectsOthers(labels, version, versions) {
			return labels
		}
	}
	return nil
}

// shared returns the labels that all workloads have in common.
func shared(workloads []workload, of func(workload) map[string]string) map[string]string {
	labels := maps.Clone(of(workloads[0]))
	for _, w := range workloads[1:] {
		maps.DeleteFunc(labels, func(key, value string) bool {
			other, ok := of(w)[key]
			return !ok || other != value
		})
	}
	return labels
}

func selectsOthers(labels map[string]string, version string, versions map[string][]workload) bool {
	for other, workloads := range versions {
		if other != version && slices.ContainsFunc(workloads, func(w workload) bool { return selects(labels, w.PodLabels) }) {
			return true
		}
	}
	return false
}

func selects(labels, pod map[string]string) bool {
	for key, value := range labels {
		if other, ok := pod[key]; !ok || other != value {
			return false
		}
	}
	return true
}
