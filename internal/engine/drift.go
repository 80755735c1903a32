package engine

import (
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// typeConverter knows which lists of Kubernetes' types are merged by which keys, as the API server does.
var typeConverter = sync.OnceValue(func() managedfields.TypeConverter { return applyconfigurations.NewTypeConverter(scheme.Scheme) })

// identity contains the fields of an object that no field manager owns.
var identity = fieldpath.NewSet(
	fieldpath.MakePathOrDie("apiVersion"), fieldpath.MakePathOrDie("kind"),
	fieldpath.MakePathOrDie("metadata", "name"), fieldpath.MakePathOrDie("metadata", "namespace"),
)

// drift returns the fields of live that applying the object would change: fields with another value, and fields that this provider has applied
// before but no longer does.
func drift(applied, live *unstructured.Unstructured) (fields []string, err error) {
	c := typeConverter()
	want, err := c.ObjectToTyped(applied)
	if err != nil {
		return nil, err
	}
	is, err := c.ObjectToTyped(live)
	if err != nil {
		return nil, err
	}
	set, err := want.ToFieldSet()
	if err != nil {
		return nil, err
	}
	set = set.Difference(identity).Leaves()
	difference, err := is.ExtractItems(set).Compare(want.ExtractItems(set))
	if err != nil {
		return nil, err
	}
	changed := difference.Added.Union(difference.Modified).Union(difference.Removed)
	for _, e := range live.GetManagedFields() {
		if e.Manager == Manager && e.Operation == metav1.ManagedFieldsOperationApply {
			changed = changed.Union(held(e).Leaves().Difference(set))
		}
	}
	changed.Iterate(func(p fieldpath.Path) { fields = append(fields, strings.TrimPrefix(p.String(), ".")) })
	return fields, nil
}
