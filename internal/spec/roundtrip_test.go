package spec_test

import (
	"encoding/base64"
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"google.golang.org/protobuf/proto"
	"istio.io/api/networking/v1alpha3"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

var messages = func() map[string]*spec.Message {
	m := make(map[string]*spec.Message)
	for _, p := range []proto.Message{&v1alpha3.Gateway{}, &v1alpha3.VirtualService{}, &v1alpha3.DestinationRule{}, &v1alpha3.ServiceEntry{}} {
		d := p.ProtoReflect().Descriptor()
		m[string(d.Name())] = spec.FromDescriptor(d)
	}
	return m
}()

// null is what Terraform knows of an object that it reads for the first time.
func null(m *spec.Message) tftypes.Value { return tftypes.NewValue(m.Type(), nil) }

// checkRoundTrip asserts that a random value of m survives the way to the API server's JSON and back unchanged, and that the JSON, sent
// through the same tree once more, is the same too.
func checkRoundTrip(t *testing.T, m *spec.Message, r *rand.Rand) {
	t.Helper()
	value := random(m, r)
	object, err := m.Encode(value)
	if err != nil {
		t.Fatalf("Encode: %v\n%s", err, value)
	}
	stored := store(t, object)
	attributes, unknown, err := m.Decode(stored, null(m))
	if err != nil {
		t.Fatalf("Decode: %v\n%s", err, value)
	}
	if len(unknown) > 0 {
		t.Fatalf("Decode does not know %v, which Encode made", unknown)
	}
	back := tftypes.NewValue(m.Type(), attributes)
	if !back.Equal(value) {
		diffs, _ := value.Diff(back)
		t.Fatalf("a value changed on the way to JSON and back: %v", diffs)
	}
	again, err := m.Encode(back)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(store(t, again), stored) {
		t.Fatalf("the JSON changed on the way to a value and back:\n%v\n%v", stored, store(t, again))
	}
}

// store is what a client reads of what was written: client-go's JSON there and back.
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
	f.Fuzz(func(t *testing.T, name string, a, b uint64) {
		if m, ok := messages[name]; ok {
			checkRoundTrip(t, m, rand.New(rand.NewPCG(a, b)))
		}
	})
}

// random is a value of m in which about half of all is set, zero values, empty collections and extremes among it.
func random(m *spec.Message, r *rand.Rand) tftypes.Value {
	attributes := make(map[string]tftypes.Value, len(m.Fields))
	for _, f := range m.Fields {
		attributes[f.Name] = randomField(f, r)
	}
	return tftypes.NewValue(m.Type(), attributes)
}

func randomField(f spec.Field, r *rand.Rand) tftypes.Value {
	if r.IntN(2) == 0 {
		return tftypes.NewValue(f.Type(), nil)
	}
	switch f.Collection {
	case spec.List:
		list := make([]tftypes.Value, r.IntN(3))
		for i := range list {
			list[i] = randomElement(f, r)
		}
		return tftypes.NewValue(f.Type(), list)
	case spec.Map:
		m := make(map[string]tftypes.Value)
		for range r.IntN(3) {
			m[randomString(r)] = randomElement(f, r)
		}
		return tftypes.NewValue(f.Type(), m)
	}
	return randomElement(f, r)
}

func randomElement(f spec.Field, r *rand.Rand) tftypes.Value {
	if f.Message != nil {
		return random(f.Message, r)
	}
	switch s := f.Scalar; {
	case s.Type == types.BoolType:
		return tftypes.NewValue(tftypes.Bool, r.IntN(2) == 0)
	case s.Type == types.NumberType:
		n := [...]int64{0, 1, s.Min, s.Max, r.Int64N(1000), max(s.Min, min(s.Max, r.Int64()))}[r.IntN(6)]
		return tftypes.NewValue(tftypes.Number, n)
	case s.Type == types.Float64Type:
		n := [...]float64{0, 0.1, 100, -2.5, 1e-300, 1e300, r.Float64() * 100}[r.IntN(7)]
		// As Terraform reads a literal.
		literal, _, err := big.ParseFloat(strconv.FormatFloat(n, 'g', -1, 64), 10, 512, big.ToNearestEven)
		if err != nil {
			panic(err)
		}
		return tftypes.NewValue(tftypes.Number, literal)
	case s.Values != nil:
		return tftypes.NewValue(tftypes.String, s.Values[r.IntN(len(s.Values))])
	case s.Validator != nil:
		return tftypes.NewValue(tftypes.String, base64.StdEncoding.EncodeToString([]byte(randomString(r))))
	}
	return tftypes.NewValue(tftypes.String, randomString(r))
}

func randomString(r *rand.Rand) string {
	return [...]string{"", "a", "60s", "1h1m1.5s", "*.example.com", "a.b/c[d]", "ünïcödé 🚦", "null", "0"}[r.IntN(9)] + strconv.Itoa(r.IntN(10))
}
