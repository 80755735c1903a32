// Package analysis says what an object means together with the others of its namespace and of the namespaces that it names: what it
// refers to that is not there, and what goes before it.
//
// It follows Istio, with Istio's own code for hosts. Where only pilot has the code, which is too much to link, the function that is
// followed is named. Istio's analyzers, which istioctl analyze runs, do not do: they take no wildcards in destination rules, look at the
// hosts of a virtual service all at once, and do not say which of two goes before the other. The tests compare with them.
//
// What cannot be read is unknown, and nothing is said that depends on it.
package analysis

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	networking "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// Reader reads the objects of a namespace; false, if they are unknown.
type Reader interface {
	Gateways(namespace string) ([]*networking.Gateway, bool)
	VirtualServices(namespace string) ([]*networking.VirtualService, bool)
	DestinationRules(namespace string) ([]*networking.DestinationRule, bool)
	ServiceEntries(namespace string) ([]*networking.ServiceEntry, bool)
	Services(namespace string) ([]*corev1.Service, bool)
	Pods(namespace string) ([]labels.Set, bool)
}

// analyzer is what all questions about objects are asked.
type analyzer struct{ Reader }

// find is the object of the name; nil, if there is none.
func find[T any, P interface {
	*T
	metav1.Object
}](all []P, name string) P {
	if i := slices.IndexFunc(all, func(o P) bool { return o.GetName() == name }); i >= 0 {
		return all[i]
	}
	return nil
}

func nameOf(o metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}

// byAge is the order in which Istio takes objects: the oldest first, by name if they are of the same second (configCompareByCreationTime in
// pilot/pkg/model/config.go).
func byAge(a, b metav1.Object) int {
	return cmp.Or(
		a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time),
		strings.Compare(a.GetName(), b.GetName()),
		strings.Compare(a.GetNamespace(), b.GetNamespace()))
}

// whyByAge says why first goes before second.
func whyByAge(first, second metav1.Object) string {
	if first.GetCreationTimestamp().Time.Equal(second.GetCreationTimestamp().Time) {
		return "both are of the same second, and its name comes first in the alphabet"
	}
	return "it is the older one"
}

func quoted(kind string, name types.NamespacedName) string {
	return fmt.Sprintf("%s %q", kind, name.String())
}

// list is such as `"a", "b"`.
func list[S ~string](all []S) string {
	quoted := make([]string, len(all))
	for i, s := range all {
		quoted[i] = fmt.Sprintf("%q", string(s))
	}
	return strings.Join(quoted, ", ")
}
