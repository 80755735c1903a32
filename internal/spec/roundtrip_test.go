package spec_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/magneticio/terraform-provider-lamia/internal/istio"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// messages are the specs of Istio's kinds.
var messages = func() map[string]*spec.Message {
	m := make(map[string]*spec.Message)
	for _, k := range istio.Kinds() {
		if k.Kind != "Service" {
			m[k.Kind] = k.Spec
		}
	}
	return m
}()

// terraformType returns the Terraform type of m's values.
func terraformType(m *spec.Message) tftypes.Type {
	return schema.Schema{Attributes: m.Attributes()}.Type().TerraformType(context.Background())
}

// checkRoundTrip checks that a random tree of m is unchanged after a round trip through the API server's JSON, Terraform's wire format and a
// state file, and that terraform-plugin-go encodes it in the same way.
func checkRoundTrip(t *testing.T, m *spec.Message, r *rand.Rand) {
	t.Helper()
	tree := random(m, r)
	object, err := m.Encode(tree)
	if err != nil {
		t.Fatalf("Encode: %v\n%v", err, tree)
	}
	back, unknown, err := m.Observe(store(t, object), nil)
	if err != nil {
		t.Fatalf("Observe: %v\n%v", err, tree)
	}
	if len(unknown) > 0 {
		t.Fatalf("Observe does not know %v, which Encode made", unknown)
	}
	if !reflect.DeepEqual(back, tree) {
		t.Fatalf("a tree changed on the way to JSON and back:\n%v\n%v", tree, back)
	}

	sent, err := m.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	value, err := tfprotov6.DynamicValue{MsgPack: sent}.Unmarshal(terraformType(m))
	if err != nil {
		t.Fatalf("terraform-plugin-go cannot read what Marshal wrote: %v", err)
	}
	again, err := tfprotov6.NewDynamicValue(terraformType(m), value)
	if err != nil {
		t.Fatal(err)
	}
	if back, err = m.Unmarshal(again.MsgPack); err != nil || !reflect.DeepEqual(back, tree) {
		t.Fatalf("a tree changed on the way to Terraform and back (%v):\n%v\n%v", err, tree, back)
	}
	if back, err = m.UnmarshalState(state(t, value)); err != nil || !reflect.DeepEqual(back, tree) {
		t.Fatalf("a tree changed on the way to a state file and back (%v):\n%v\n%v", err, tree, back)
	}
}

// state returns a value as in a state file.
func state(t *testing.T, value tftypes.Value) []byte {
	t.Helper()
	var plain func(v tftypes.Value) any
	plain = func(v tftypes.Value) any {
		switch {
		case v.IsNull():
			return nil
		case v.Type().Is(tftypes.Number):
			var n big.Float
			_ = v.As(&n)
			return json.Number(n.Text('f', -1))
		case v.Type().Is(tftypes.String):
			var s string
			_ = v.As(&s)
			return s
		case v.Type().Is(tftypes.Bool):
			var b bool
			_ = v.As(&b)
			return b
		case v.Type().Is(tftypes.List{}):
			var l []tftypes.Value
			_ = v.As(&l)
			list := make([]any, len(l))
			for i := range l {
				list[i] = plain(l[i])
			}
			return list
		}
		var m map[string]tftypes.Value
		_ = v.As(&m)
		object := make(map[string]any)
		for k := range m {
			object[k] = plain(m[k])
		}
		return object
	}
	data, err := json.Marshal(plain(value))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// store returns what a client reads after a write: JSON encoded and decoded by client-go.
func store(t *testing.T, object map[string]any) map[string]any {
	t.Helper()
	data, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	var stored map[string]any
	if err := utiljson.Unmarshal(data, &stored); err != nil {
		t.Fatal(err)
	}
	return stored
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for name, m := range messages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(500) {
				checkRoundTrip(t, m, rand.New(rand.NewPCG(seed, 31)))
			}
		})
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add("VirtualService", uint64(1), uint64(2))
	f.Add("DestinationRule", uint64(3), uint64(4))
	f.Add("EnvoyFilter", uint64(5), uint64(6))
	f.Fuzz(func(t *testing.T, name string, a, b uint64) {
		if m, ok := messages[name]; ok {
			checkRoundTrip(t, m, rand.New(rand.NewPCG(a, b)))
		}
	})
}

// random returns a tree of m in which about half of the fields are set, some to zero values, empty collections and extremes.
func random(m *spec.Message, r *rand.Rand) map[string]any {
	tree := make(map[string]any, len(m.Fields))
	for i := range m.Fields {
		if f := &m.Fields[i]; r.IntN(2) == 0 {
			tree[f.JSON] = randomField(f, r)
		}
	}
	return tree
}

func randomField(f *spec.Field, r *rand.Rand) any {
	switch f.Collection {
	case spec.List:
		list := make([]any, r.IntN(3))
		for i := range list {
			list[i] = randomElement(f, r)
		}
		return list
	case spec.Map:
		m := make(map[string]any)
		for range r.IntN(3) {
			m[randomString(r)] = randomElement(f, r)
		}
		return m
	}
	return randomElement(f, r)
}

func randomElement(f *spec.Field, r *rand.Rand) any {
	if f.Message != nil {
		return random(f.Message, r)
	}
	switch s := f.Scalar; {
	case s.Type == spec.BoolType:
		return r.IntN(2) == 0
	case s.Type == spec.IntegerType:
		return [...]int64{0, 1, s.Min, s.Max, r.Int64N(1000), max(s.Min, min(s.Max, r.Int64()))}[r.IntN(6)]
	case s.Type == spec.FloatType:
		return [...]any{int64(0), 0.1, int64(100), -2.5, 1e-300, 1.5e10 + 0.25, r.Float64() * 100}[r.IntN(7)]
	case s.Values != nil:
		return s.Values[r.IntN(len(s.Values))]
	case s.JSON:
		return randomObject(r)
	case s.Check != nil && s.Check("!") != nil && s.Check("") == nil: // bytes
		return base64.StdEncoding.EncodeToString([]byte(randomString(r)))
	}
	return randomString(r)
}

// randomObject returns JSON as jsonencode writes it, without nulls.
func randomObject(r *rand.Rand) string {
	inner := [...]any{nil, "1", 1, 1.5, 1e300, true, []any{}, []any{nil, map[string]any{"b": nil}}, map[string]any{"a": []any{map[string]any{"é": "<&>"}}}}
	object := map[string]any{}
	for range r.IntN(4) {
		if v := inner[r.IntN(len(inner))]; v != nil {
			object[randomString(r)] = v
		}
	}
	text, _ := json.Marshal(object)
	return strings.ReplaceAll(string(text), `{"b":null}`, `{}`)
}

func randomString(r *rand.Rand) string {
	return [...]string{"", "a", "60s", "1h1m1.5s", "*.example.com", "a.b/c[d]", "ünïcödé 🚦", "null", "0"}[r.IntN(9)] + strconv.Itoa(r.IntN(10))
}
