package engine

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Manager is the field manager of this provider's writes.
const Manager = "terraform-provider-lamia"

// lastWriter returns who wrote a field last, and when, according to the object's managedFields. It returns "" if they do not tell.
func lastWriter(managed []metav1.ManagedFieldsEntry, field []string) string {
	var last *metav1.ManagedFieldsEntry
	for i := range managed {
		e := &managed[i]
		if e.Time != nil && (last == nil || last.Time.Before(e.Time)) && owns(*e, field) {
			last = e
		}
	}
	if last == nil {
		return ""
	}
	return fmt.Sprintf("%q at %s", last.Manager, last.Time.UTC().Format(time.RFC3339))
}

// owns reports whether the entry contains the field, a field below it, or a field that contains it.
func owns(e metav1.ManagedFieldsEntry, field []string) bool {
	at := held(e)
	for _, name := range field {
		step := fieldpath.PathElement{FieldName: &name}
		below, ok := at.Children.Get(step)
		if !ok {
			return at.Members.Has(step)
		}
		at = below
	}
	return true
}

// held returns the fields that the entry's manager owns.
func held(e metav1.ManagedFieldsEntry) *fieldpath.Set {
	set := &fieldpath.Set{}
	if e.FieldsV1 == nil || set.FromJSON(e.FieldsV1.GetRawReader()) != nil {
		return &fieldpath.Set{}
	}
	return set
}

// ownKeys returns the live labels or annotations (field) that this provider has written.
func ownKeys(managed []metav1.ManagedFieldsEntry, field string, live map[string]string) map[string]string {
	own := make(map[string]string)
	for _, e := range managed {
		if e.Manager != Manager {
			continue
		}
		set := held(e)
		for key, value := range live {
			if set.Has(fieldpath.MakePathOrDie("metadata", field, key)) { // the key, not only the map
				own[key] = value
			}
		}
	}
	return own
}

// history describes what happened to the fields since the plan.
func history(changes []change, managed []metav1.ManagedFieldsEntry) string {
	var b strings.Builder
	for _, c := range changes {
		fmt.Fprintf(&b, "\n  - %s", c)
		switch {
		case c.now == nil:
			b.WriteString(" was removed")
		case c.expected == nil:
			b.WriteString(" was added")
		default:
			b.WriteString(" was changed")
		}
		if who := lastWriter(managed, c.field); who != "" {
			fmt.Fprintf(&b, " (last written by %s)", who)
		}
	}
	return b.String()
}
