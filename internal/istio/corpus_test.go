package istio_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	object_ "github.com/magneticio/terraform-provider-lamia/internal/object"
	"github.com/magneticio/terraform-provider-lamia/internal/provider"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// sample is an object to judge, as Terraform has it.
type sample struct {
	source              string
	kind                *object_.Kind
	name                string
	labels, annotations map[string]string
	spec                map[string]tftypes.Value
}

// inexpressible is an object of Istio's tests that the schema of a resource has no room for.
type inexpressible struct {
	*unstructured.Unstructured
	source string
	why    string
}

// corpus are the objects of Istio's own tests: see package generate.
func corpus(t testing.TB) (samples []sample, others []inexpressible) {
	t.Helper()
	data, err := os.ReadFile("testdata/corpus.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Source      string            `json:"source"`
		Kind        string            `json:"kind"`
		Name        string            `json:"name"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
		Spec        map[string]any    `json:"spec"`
	}
	if err := utiljson.Unmarshal(data, &all); err != nil { // integers as integers, as the dynamic client reads them
		t.Fatal(err)
	}
	kinds := istioKinds()
	for i, o := range all {
		s := sample{source: fmt.Sprintf("%d: %s: %s %s", i, o.Source, o.Kind, o.Name), kind: kinds[o.Kind], name: o.Name, labels: o.Labels, annotations: o.Annotations}
		if s.name == "" {
			s.name = "test"
		}
		var unknown []string
		s.spec, unknown, err = s.kind.Spec.Decode(o.Spec, tftypes.NewValue(s.kind.Spec.Type(), nil))
		switch {
		case err != nil:
			others = append(others, inexpressible{s.unstructured("", o.Spec), s.source, err.Error()})
		case len(unknown) > 0:
			others = append(others, inexpressible{s.unstructured("", o.Spec), s.source, fmt.Sprint("no fields ", unknown)})
		default:
			samples = append(samples, s)
		}
	}
	return samples, others
}

// unstructured is the sample with this spec.
func (s sample) unstructured(namespace string, spec map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	o.SetGroupVersionKind(s.kind.Resource.GroupVersion().WithKind(s.kind.Kind))
	o.SetNamespace(namespace)
	o.SetName(s.name)
	o.SetLabels(s.labels)
	o.SetAnnotations(s.annotations)
	return o
}

// object is what the provider sends.
func (s sample) object(namespace string) (*unstructured.Unstructured, error) {
	encoded, err := s.kind.Spec.Encode(tftypes.NewValue(s.kind.Spec.Type(), s.spec))
	if err != nil {
		return nil, err
	}
	return s.unstructured(namespace, encoded), nil
}

// server is the provider, configured for a cluster that it need not ask.
var server = sync.OnceValues(func() (tfprotov6.ProviderServer, *tfprotov6.GetProviderSchemaResponse) {
	ctx := context.Background()
	s := provider.NewServer("test")()
	schemas, err := s.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		panic(err)
	}
	block := schemas.Provider.ValueType().(tftypes.Object)
	arguments := make(map[string]tftypes.Value)
	for name, t := range block.AttributeTypes {
		arguments[name] = tftypes.NewValue(t, nil)
	}
	arguments["host"] = tftypes.NewValue(tftypes.String, "https://127.0.0.1:1")
	config, err := tfprotov6.NewDynamicValue(block, tftypes.NewValue(block, arguments))
	if err != nil {
		panic(err)
	}
	if resp, err := s.ConfigureProvider(ctx, &tfprotov6.ConfigureProviderRequest{Config: &config}); err != nil || len(resp.Diagnostics) > 0 {
		panic(fmt.Sprint(err, resp))
	}
	return s, schemas
})

// validate is what the provider says of the sample as terraform validate asks it, after change.
func (s sample) validate(t testing.TB, namespace string, change func(map[string]tftypes.Value)) (errors, warnings []*tfprotov6.Diagnostic) {
	t.Helper()
	server, schemas := server()
	typeName := "lamia_" + s.kind.Type
	resource := schemas.ResourceSchemas[typeName].ValueType().(tftypes.Object)
	attributes := make(map[string]tftypes.Value)
	for name, t := range resource.AttributeTypes {
		attributes[name] = tftypes.NewValue(t, nil)
	}
	for name, v := range s.spec {
		attributes[name] = v
	}
	attributes["namespace"] = tftypes.NewValue(tftypes.String, namespace)
	attributes["name"] = tftypes.NewValue(tftypes.String, s.name)
	for name, m := range map[string]map[string]string{"labels": s.labels, "annotations": s.annotations} {
		if m != nil {
			elements := make(map[string]tftypes.Value)
			for key, value := range m {
				elements[key] = tftypes.NewValue(tftypes.String, value)
			}
			attributes[name] = tftypes.NewValue(resource.AttributeTypes[name], elements)
		}
	}
	if change != nil {
		change(attributes)
	}
	config, err := tfprotov6.NewDynamicValue(resource, tftypes.NewValue(resource, attributes))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.ValidateResourceConfig(t.Context(), &tfprotov6.ValidateResourceConfigRequest{TypeName: typeName, Config: &config})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range resp.Diagnostics {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			errors = append(errors, d)
		} else {
			warnings = append(warnings, d)
		}
	}
	return errors, warnings
}

func texts(diagnostics []*tfprotov6.Diagnostic) string {
	var lines []string
	for _, d := range diagnostics {
		lines = append(lines, fmt.Sprintf("%s: %s: %s", d.Attribute, d.Summary, d.Detail))
	}
	return strings.Join(lines, "\n")
}

// spot is a value in a sample's spec.
type spot struct {
	path  *tftypes.AttributePath
	value tftypes.Value
}

// spots are all values in the spec that are not null.
func (s sample) spots(t testing.TB) (all []spot) {
	t.Helper()
	root := tftypes.NewValue(s.kind.Spec.Type(), s.spec)
	err := tftypes.Walk(root, func(at *tftypes.AttributePath, v tftypes.Value) (bool, error) {
		if len(at.Steps()) > 0 && !v.IsNull() {
			all = append(all, spot{at, v})
		}
		return !v.IsNull(), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b spot) int { return strings.Compare(a.path.String(), b.path.String()) }) // maps have no order
	return all
}

// with is the sample with other values at some spots.
func (s sample) with(t testing.TB, change func(*tftypes.AttributePath, tftypes.Value) tftypes.Value) sample {
	t.Helper()
	root, err := tftypes.Transform(tftypes.NewValue(s.kind.Spec.Type(), s.spec), func(at *tftypes.AttributePath, v tftypes.Value) (tftypes.Value, error) {
		if len(at.Steps()) == 0 {
			return v, nil
		}
		return change(at, v), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.spec = nil
	if err := root.As(&s.spec); err != nil {
		t.Fatal(err)
	}
	return s
}

// mutate changes a value: makes it null, empty or another, takes an element out of a list or puts one in twice.
func (s sample) mutate(t testing.TB, r *rand.Rand) sample {
	t.Helper()
	spots := s.spots(t)
	if len(spots) == 0 {
		return s
	}
	chosen := spots[r.IntN(len(spots))]
	var list []tftypes.Value
	if chosen.value.Type().Is(tftypes.List{}) {
		_ = chosen.value.As(&list)
	}
	op := r.IntN(4)
	if op == 3 { // another value that it might have
		m := &spec.Message{Fields: s.kind.Spec.Fields}
		unknown := s.with(t, func(at *tftypes.AttributePath, v tftypes.Value) tftypes.Value {
			if at.Equal(chosen.path) {
				return tftypes.NewValue(v.Type(), tftypes.UnknownValue)
			}
			return v
		})
		s.spec = nil
		if err := m.Complete(tftypes.NewValue(s.kind.Spec.Type(), unknown.spec), r.Uint64()).As(&s.spec); err != nil {
			t.Fatal(err)
		}
		return s
	}
	return s.with(t, func(at *tftypes.AttributePath, v tftypes.Value) tftypes.Value {
		if !at.Equal(chosen.path) {
			return v
		}
		_, isAttribute := at.LastStep().(tftypes.AttributeName)
		switch {
		case op == 0 && isAttribute:
			return tftypes.NewValue(v.Type(), nil)
		case len(list) > 0 && op == 1:
			return tftypes.NewValue(v.Type(), list[1:])
		case len(list) > 0:
			return tftypes.NewValue(v.Type(), append(slices.Clone(list), list[r.IntN(len(list))]))
		}
		return zero(v)
	})
}

// zero is the explicit zero of v's type.
func zero(v tftypes.Value) tftypes.Value {
	switch t := v.Type().(type) {
	case tftypes.List:
		return tftypes.NewValue(t, []tftypes.Value{})
	case tftypes.Map:
		return tftypes.NewValue(t, map[string]tftypes.Value{})
	case tftypes.Object:
		attributes := make(map[string]tftypes.Value)
		for name, t := range t.AttributeTypes {
			attributes[name] = tftypes.NewValue(t, nil)
		}
		return tftypes.NewValue(t, attributes)
	}
	switch {
	case v.Type().Is(tftypes.Bool):
		return tftypes.NewValue(tftypes.Bool, false)
	case v.Type().Is(tftypes.Number):
		return tftypes.NewValue(tftypes.Number, 0)
	}
	return tftypes.NewValue(tftypes.String, "")
}
