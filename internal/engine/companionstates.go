package engine

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	attrCompanions       = "companions"
	attrCompanionChanges = "companion_changes"
)

// The states of a companion.
const (
	inSync     = "in sync" // as rendered
	missing    = "missing"
	changed    = "changed"
	foreign    = "foreign"   // an object with the same name that the object does not own
	unwanted   = "unwanted"  // such as an autoscaler, although the number of replicas is now fixed
	refused    = "refused"   // the API server rejects the correction
	notReady   = "not ready" // as rendered, but not ready when an operation ended
	notChecked = "unknown"   // after a failed operation; the next refresh finds out
)

const (
	companionsDescription = "The objects that come with this one, by kind, and the state of each: `in sync`; `missing`; `changed` (see `companion_changes`); " +
		"`foreign`, if another owner has an object with its name; `unwanted`, if it is no longer needed; `refused`, if the API server rejects the correction; " +
		"`not ready`, if the last apply ended before it was ready and it still is not; `unknown`, if the last apply failed. The next apply corrects or waits " +
		"for everything that is not in sync."
	companionChangesDescription = "By kind: what changed in objects that are `changed` and who changed it, or what objects that are `not ready` are waiting for."
)

// concerned returns the kinds of companions that are planned or in the state. Reading others would need more permissions.
func concerned(rendered []*unstructured.Unstructured, state values) map[string]bool {
	kinds := make(map[string]bool)
	for _, companion := range rendered {
		kinds[companion.GetKind()] = true
	}
	for kind := range mapOf(state[attrCompanions]) {
		kinds[kind] = true
	}
	return kinds
}

func merged(defaults, own map[string]string) map[string]string {
	all := make(map[string]string, len(defaults)+len(own))
	maps.Copy(all, defaults)
	maps.Copy(all, own)
	return all
}

// awaits reports whether some companions were not ready at the end of the last operation.
func (k *Kind) awaits(v values) bool {
	for _, state := range mapOf(v[attrCompanions]) {
		if state == notReady {
			return true
		}
	}
	return false
}

// content returns what an apply can change: everything except the fields that the API server maintains.
func content(o *unstructured.Unstructured) map[string]any {
	o = o.DeepCopy()
	delete(o.Object, "status")
	for _, field := range []string{"managedFields", "resourceVersion", "generation", "creationTimestamp"} {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	return o.Object
}

// leaves returns the paths of the fields that a patch sets.
func leaves(patch map[string]any, at ...string) (fields [][]string) {
	for _, key := range slices.Sorted(maps.Keys(patch)) {
		field := append(slices.Clone(at), key)
		if inner, ok := patch[key].(map[string]any); ok && len(inner) > 0 {
			fields = append(fields, leaves(inner, field...)...)
		} else {
			fields = append(fields, field)
		}
	}
	return fields
}
