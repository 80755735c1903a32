package engine

import (
	"reflect"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// entry returns an entry for what a manager wrote at a minute. fields is in the format FieldsV1.
func entry(manager string, minute int, fields string) metav1.ManagedFieldsEntry {
	at := metav1.NewTime(time.Date(2026, 1, 2, 3, minute, 0, 0, time.UTC))
	return metav1.ManagedFieldsEntry{Manager: manager, Time: &at, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields)}
}

func TestLastWriter(t *testing.T) {
	t.Parallel()
	managed := []metav1.ManagedFieldsEntry{
		entry("first", 1, `{"f:spec":{"f:http":{},"f:hosts":{}}}`),
		entry("third", 3, `{"f:spec":{"f:hosts":{}}}`),
		entry("second", 2, `{"f:spec":{"f:http":{},"f:trafficPolicy":{"f:tls":{"f:mode":{}}}}}`),
		{Manager: "no time", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:http":{}}}`)},
		{Manager: "no fields", Time: &metav1.Time{Time: time.Now()}},
		entry("no JSON", 59, `{`),
		entry("labels", 4, `{"f:metadata":{"f:labels":{".":{},"f:example.com/team":{}}}}`),
	}
	for field, want := range map[string]string{
		"spec|http":                        `"second" at 2026-01-02T03:02:00Z`,
		"spec|hosts":                       `"third" at 2026-01-02T03:03:00Z`,
		"spec|trafficPolicy":               `"second" at 2026-01-02T03:02:00Z`, // a field below it
		"spec|trafficPolicy|tls|mode|x":    `"second" at 2026-01-02T03:02:00Z`, // a field that contains it
		"spec|trafficPolicy|tls|sni":       "",
		"metadata|labels|example.com/team": `"labels" at 2026-01-02T03:04:00Z`,
		"metadata|labels|example":          "",
		"spec|gateways":                    "",
	} {
		if got := lastWriter(managed, strings.Split(field, "|")); got != want {
			t.Errorf("%s was last written by %s, want %s", field, got, want)
		}
	}
}

func TestOwnKeys(t *testing.T) {
	t.Parallel()
	managed := []metav1.ManagedFieldsEntry{
		entry(Manager, 1, `{"f:metadata":{"f:labels":{".":{},"f:app":{},"f:gone":{}}}}`),
		entry("someone", 2, `{"f:metadata":{"f:labels":{"f:theirs":{}},"f:annotations":{".":{},"f:app":{}}}}`),
	}
	live := map[string]string{"app": "a", "theirs": "b"}
	if got, want := ownKeys(managed, "labels", live), map[string]string{"app": "a"}; !reflect.DeepEqual(got, want) {
		t.Errorf("own labels are %v, want %v", got, want)
	}
	// A manager may still own the map after it has removed its last label.
	emptied := []metav1.ManagedFieldsEntry{entry(Manager, 1, `{"f:metadata":{"f:labels":{".":{}}}}`)}
	if got := ownKeys(emptied, "labels", live); len(got) > 0 {
		t.Errorf("own labels are %v, want none", got)
	}
	if got := ownKeys(managed, "annotations", live); len(got) > 0 {
		t.Errorf("own annotations are %v, want none", got)
	}
}
