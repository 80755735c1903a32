package acctest

import (
	"context"
	"fmt"
	"reflect"

	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Check is an assertion about the cluster that can be used like one about the state.
type Check func() error

var _ statecheck.StateCheck = Check(nil)

// CheckState implements [statecheck.StateCheck].
func (c Check) CheckState(_ context.Context, _ statecheck.CheckStateRequest, resp *statecheck.CheckStateResponse) {
	resp.Error = c()
}

// StoresFile checks that the API server stores exactly the spec in the YAML file.
func (o *Object) StoresFile(file string) Check {
	return func() error { return o.Stores(o.read(file))() }
}

// Stores checks that the API server stores exactly this spec, given as JSON.
func (o *Object) Stores(spec string) Check {
	return func() error {
		if got, want := o.Spec(), parse(o.t, spec); !reflect.DeepEqual(got, want) {
			return fmt.Errorf("%s holds\n%s\nwant\n%s", o, indent(got), indent(want))
		}
		return nil
	}
}

// HasLabel checks a label of the object. The value "" means that the label does not exist.
func (o *Object) HasLabel(key, value string) Check {
	return func() error {
		if got := o.Live().GetLabels()[key]; got != value {
			return fmt.Errorf("%s has the label %s = %q, want %q", o, key, got, value)
		}
		return nil
	}
}

// HasAnnotation checks an annotation of the object. The value "" means that the annotation does not exist.
func (o *Object) HasAnnotation(key, value string) Check {
	return func() error {
		if got := o.Live().GetAnnotations()[key]; got != value {
			return fmt.Errorf("%s has the annotation %s = %q, want %q", o, key, got, value)
		}
		return nil
	}
}

// Expect checks whether the object exists.
func (o *Object) Expect(exists bool) error {
	if got := o.Exists(); got != exists {
		return fmt.Errorf("%s exists: %v, want %v", o, got, exists)
	}
	return nil
}

// Updated checks that the object is still the same and has been written since before.
func (o *Object) Updated(before *unstructured.Unstructured) error {
	switch live := o.Live(); {
	case live.GetUID() != before.GetUID():
		return fmt.Errorf("%s was replaced: UID %s, now %s", o, before.GetUID(), live.GetUID())
	case live.GetResourceVersion() == before.GetResourceVersion():
		return fmt.Errorf("%s was not written to", o)
	}
	return nil
}

// Untouched checks that no one has written to the object since before.
func (o *Object) Untouched(before *unstructured.Unstructured) error {
	if live := o.Live(); live.GetUID() != before.GetUID() || live.GetResourceVersion() != before.GetResourceVersion() {
		return fmt.Errorf("%s was written to: it was\n%s\nand is\n%s", o, indent(before), indent(live))
	}
	return nil
}

// UID checks that a value is the UID of the object.
func (o *Object) UID() knownvalue.Check {
	return knownvalue.StringFunc(func(value string) error {
		if uid := string(o.Live().GetUID()); value != uid {
			return fmt.Errorf("%q, want the UID %q", value, uid)
		}
		return nil
	})
}
