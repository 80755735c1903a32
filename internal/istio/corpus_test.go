package istio_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	object_ "github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/provider"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// sample is an object to check, as it is in a Terraform configuration.
type sample struct {
	source              string
	kind                *object_.Kind
	name                string
	labels, annotations map[string]string
	spec                map[string]any // with JSON names
}

// inexpressible is an object of Istio's tests that does not fit the schema of its resource.
type inexpressible struct {
	*unstructured.Unstructured
	source string
	why    string
}

// corpus returns the objects of Istio's own tests, which package generate collects.
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
	if err := utiljson.Unmarshal(data, &all); err != nil { // reads integers as int64, as the dynamic client does
		t.Fatal(err)
	}
	kinds := istioKinds()
	for i, o := range all {
		s := sample{source: fmt.Sprintf("%d: %s: %s %s", i, o.Source, o.Kind, o.Name), kind: kinds[o.Kind], name: o.Name, labels: o.Labels, annotations: o.Annotations}
		if s.name == "" {
			s.name = "test"
		}
		var unknown []string
		s.spec, unknown, err = s.kind.Spec.Observe(o.Spec, nil)
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

// unstructured returns the sample with this spec.
func (s sample) unstructured(namespace string, spec map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	o.SetGroupVersionKind(s.kind.Resource.GroupVersion().WithKind(s.kind.Kind))
	o.SetNamespace(namespace)
	o.SetName(s.name)
	o.SetLabels(s.labels)
	o.SetAnnotations(s.annotations)
	return o
}

// object returns what the provider sends to the API server.
func (s sample) object(namespace string) (*unstructured.Unstructured, error) {
	encoded, err := s.kind.Spec.Encode(s.spec)
	if err != nil {
		return nil, err
	}
	return s.unstructured(namespace, encoded), nil
}

// server returns the provider, configured for a cluster that receives no requests.
var server = sync.OnceValue(func() tfprotov6.ProviderServer {
	ctx := context.Background()
	s := provider.NewServer("test", "")()
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
	return s
})

// validate returns the provider's diagnostics for the sample in terraform validate, after change.
func (s sample) validate(t testing.TB, namespace string, change func(map[string]any)) (errors, warnings []*tfprotov6.Diagnostic) {
	t.Helper()
	attributes := maps.Clone(s.spec)
	attributes["namespace"], attributes["name"] = namespace, s.name
	for name, m := range map[string]map[string]string{"labels": s.labels, "annotations": s.annotations} {
		if m != nil {
			elements := make(map[string]any)
			for key, value := range m {
				elements[key] = value
			}
			attributes[s.kind.Attributes().Named(name).JSON] = elements
		}
	}
	if change != nil {
		change(attributes)
	}
	config, err := s.kind.Attributes().Marshal(attributes)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server().ValidateResourceConfig(t.Context(), &tfprotov6.ValidateResourceConfigRequest{
		TypeName: "lamia_" + s.kind.Type, Config: &tfprotov6.DynamicValue{MsgPack: config},
	})
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
	path    string // such as "http.0.route"
	field   *spec.Field
	value   any
	element bool // an element of the field's list or map
}

// with returns the sample with some values replaced. If change returns nil, the value is null.
func (s sample) with(change func(spot) any) sample {
	var message func(at string, m *spec.Message, tree map[string]any) map[string]any
	element := func(at spot) any {
		now := change(at)
		if object, ok := now.(map[string]any); ok && at.field.Message != nil && reflect.DeepEqual(now, at.value) {
			return message(at.path, at.field.Message, object)
		}
		return now
	}
	message = func(at string, m *spec.Message, tree map[string]any) map[string]any {
		changed := make(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(tree)) { // in a fixed order
			f := m.Named(fieldOf(m, key))
			here := spot{at + "." + f.Name, f, tree[key], false}
			var now any
			switch value := tree[key].(type) {
			case []any:
				if now = change(here); reflect.DeepEqual(now, tree[key]) {
					list := make([]any, len(value))
					for i := range value {
						list[i] = element(spot{fmt.Sprint(here.path, ".", i), f, value[i], true})
					}
					now = list
				}
			case map[string]any:
				if f.Collection != spec.Map {
					now = element(here)
				} else if now = change(here); reflect.DeepEqual(now, tree[key]) {
					elements := make(map[string]any)
					for _, k := range slices.Sorted(maps.Keys(value)) {
						elements[k] = element(spot{here.path + "." + k, f, value[k], true})
					}
					now = elements
				}
			default:
				now = change(here)
			}
			if now != nil {
				changed[key] = now
			}
		}
		return changed
	}
	s.spec = message("", s.kind.Spec, s.spec)
	return s
}

// fieldOf returns the attribute with the JSON name key.
func fieldOf(m *spec.Message, key string) string {
	return m.Fields[slices.IndexFunc(m.Fields, func(f spec.Field) bool { return f.JSON == key })].Name
}

// spots returns all values in the spec.
func (s sample) spots() (all []spot) {
	s.with(func(at spot) any {
		all = append(all, at)
		return at.value
	})
	return all
}

// mutate changes a random value: it becomes null, empty or another value, or a list loses or duplicates an element.
func (s sample) mutate(r *rand.Rand) sample {
	spots := s.spots()
	if len(spots) == 0 {
		return s
	}
	chosen := spots[r.IntN(len(spots))]
	list, isList := chosen.value.([]any)
	_, isMap := chosen.value.(map[string]any)
	op := r.IntN(4)
	made := maker{r, r.IntN(2) == 0}
	return s.with(func(at spot) any {
		switch {
		case at.path != chosen.path:
			return at.value
		case op == 3 && at.element: // another possible value
			return made.element(at.field)
		case op == 3:
			return made.field(at.field)
		case op == 0 && !at.element:
			return nil
		case len(list) > 0 && op == 1:
			return list[1:]
		case len(list) > 0:
			return append(slices.Clone(list), list[r.IntN(len(list))])
		case isList:
			return []any{}
		case isMap:
			return map[string]any{}
		}
		return map[spec.Type]any{spec.BoolType: false, spec.IntegerType: int64(0), spec.FloatType: int64(0), spec.StringType: ""}[at.field.Scalar.Type]
	})
}

// maker makes random values.
type maker struct {
	*rand.Rand
	dense bool // small objects get all of their attributes
}

// message returns an object with some of its optional attributes, about four for a large message.
func (c maker) message(m *spec.Message) map[string]any {
	tree := make(map[string]any)
	for i := range m.Fields {
		if f := &m.Fields[i]; f.Required || c.IntN(len(m.Fields)+2) < 2 || c.dense && c.IntN(len(m.Fields)) < 4 {
			if value := c.field(f); value != nil {
				tree[f.JSON] = value
			}
		}
	}
	for _, names := range m.OneOfs {
		for i, keep := 0, c.IntN(len(names)); i < len(names); i++ {
			if i != keep {
				delete(tree, m.Named(names[i]).JSON)
			}
		}
	}
	return tree
}

func (c maker) field(f *spec.Field) any {
	n := c.IntN(3)
	switch f.Collection {
	case spec.List:
		list := make([]any, n)
		for i := range list {
			list[i] = c.element(f)
		}
		return list
	case spec.Map:
		m := make(map[string]any)
		for range n {
			m[c.string()] = c.element(f)
		}
		return m
	}
	return c.element(f)
}

func (c maker) element(f *spec.Field) any {
	switch s := f.Scalar; {
	case f.Message != nil:
		return c.message(f.Message)
	case s.Type == spec.BoolType:
		return c.IntN(2) == 0
	case s.Type == spec.IntegerType:
		low, high := s.Min, s.Max
		limits := f.Constraints
		if f.Collection != spec.One {
			limits = f.Element
		}
		if limits.Minimum != nil {
			low = max(low, *limits.Minimum)
		}
		if limits.Maximum != nil {
			high = min(high, *limits.Maximum)
		}
		return max(low, min(high, one(c, []int64{0, 1, 2, 50, 80, 100, 200, 443, 503, 8080, 65535, 1 << 20, 1 << 40})))
	case s.Type == spec.FloatType:
		return one(c, []any{int64(0), 0.5, int64(1), int64(50), int64(100)})
	case s.Values != nil:
		return one(c, s.Values)
	case s.Check == nil:
		return c.string()
	case s.Check("") == nil: // bytes
		return one(c, []string{"", "YQ=="})
	}
	return one(c, []string{"1ms", "1s", "1h"})
}

// string returns a string of a form that Istio's API uses.
func (c maker) string() string {
	form := one(c, []string{
		"", "*", ".", "name%d", "a%d.example.com", "*.a%d.example.com", "name%d/a.example.com", "/path%d", "unix:///path%d",
		"10.0.0.%d", "10.0.%d.0/24", "2001:db8::%d", "HTTP", "HTTPS", "TCP", "TLS", "region%d", "region%d/zone/*", "x-header%d",
	})
	return strings.ReplaceAll(form, "%d", fmt.Sprint(c.IntN(250)))
}

func one[T any](c maker, all []T) T { return all[c.IntN(len(all))] }
