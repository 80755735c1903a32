// Package analysis finds out how objects work together: which rules no proxy gets, which of them another object overrides, and which routes lead
// nowhere. Each finding comes from Istio's own translation of the objects (internal/mesh).
//
// Objects that cannot be read are unknown, and no finding depends on them.
package analysis

import (
	"fmt"
	"slices"
	"strings"

	networking "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

// Reader reads the objects of a namespace. It returns false if they are unknown. For gateways, virtual services and service entries, which can
// matter in any namespace, "" stands for all namespaces. With keys, it returns at least the objects that have one of them: see [keysOf] and
// similar functions.
type Reader interface {
	Gateways(namespace string, keys ...string) ([]*networking.Gateway, bool)
	VirtualServices(namespace string, keys ...string) ([]*networking.VirtualService, bool)
	ServiceEntries(namespace string, keys ...string) ([]*networking.ServiceEntry, bool)
	DestinationRules(namespace string, keys ...string) ([]*networking.DestinationRule, bool)
	Sidecars(namespace string, keys ...string) ([]*networking.Sidecar, bool)
	Services(namespace string, keys ...string) ([]*corev1.Service, bool)
	Pods(namespace string, keys ...string) ([]labels.Set, bool)
	Settings() mesh.Settings
	// Derived returns the result of make, which is called once for each key. It returns false once any of the objects may have changed.
	Derived(key any, make func() any) (any, bool)
}

// of returns the objects of all namespaces if they are known, else the objects of these.
func of[T any](namespaces []string, read func(string, ...string) ([]T, bool), keys ...string) []T {
	all, known := read("", keys...)
	if known {
		return all
	}
	for _, namespace := range namespaces {
		in, _ := read(namespace, keys...)
		all = append(all, in...)
	}
	return all
}

// within returns the objects of a namespace, taken from the objects of all namespaces if those are known.
func within[T metav1.Object](namespace string, read func(string, ...string) ([]T, bool)) (in []T, known bool) {
	all, known := read("")
	if !known {
		return read(namespace)
	}
	for _, o := range all {
		if o.GetNamespace() == namespace {
			in = append(in, o)
		}
	}
	return in, true
}

// find returns the object with the name, or nil.
func find[T any, P interface {
	*T
	metav1.Object
}](all []P, name types.NamespacedName) P {
	if i := slices.IndexFunc(all, func(o P) bool { return nameOf(o) == name }); i >= 0 {
		return all[i]
	}
	return nil
}

func nameOf(o metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}

func quoted(kind string, name types.NamespacedName) string {
	return fmt.Sprintf("%s %q", kind, name.String())
}

// list returns a text such as `"a", "b"`.
func list[S ~string](all []S) string {
	quoted := make([]string, len(all))
	for i, s := range all {
		quoted[i] = fmt.Sprintf("%q", string(s))
	}
	return strings.Join(quoted, ", ")
}

// once returns the findings sorted by field, without duplicates.
func once(findings []engine.Finding) (all []engine.Finding) {
	for _, f := range findings {
		if !has(all, f) {
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(a, b engine.Finding) int { return strings.Compare(a.Field, b.Field) })
	return all
}

func has(all []engine.Finding, f engine.Finding) bool {
	return slices.ContainsFunc(all, func(other engine.Finding) bool { return other.Field == f.Field && other.Summary == f.Summary })
}
