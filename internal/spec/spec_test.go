package spec_test

import (
	"errors"
	"math"
	"math/big"
	"reflect"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// in returns the message of a field.
func in(m *spec.Message, names ...string) *spec.Message {
	for _, name := range names {
		i := slices.IndexFunc(m.Fields, func(f spec.Field) bool { return f.Name == name })
		m = m.Fields[i].Message
	}
	return m
}

func TestEncode_zeroIsNotAbsent(t *testing.T) {
	t.Parallel()
	route := in(messages["VirtualService"], "http", "route")
	got, err := route.Encode(map[string]any{"weight": int64(0)})
	if err != nil {
		t.Fatal(err)
	}
	if weight, ok := got["weight"]; !ok || weight != int64(0) || len(got) != 1 {
		t.Errorf("weight = 0 is encoded as %v", got)
	}
	gateway := messages["Gateway"]
	got, err = gateway.Encode(map[string]any{"selector": map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	if selector, ok := got["selector"].(map[string]any); !ok || len(selector) != 0 || len(got) != 1 {
		t.Errorf("selector = {} is encoded as %v", got)
	}
}

func TestEncode_errorsNameTheAttribute(t *testing.T) {
	t.Parallel()
	entry := messages["ServiceEntry"]
	port := func(number any) any { return map[string]any{"number": number} }
	for name, c := range map[string]struct {
		ports any
		want  path.Path
	}{
		"unknown list":   {spec.Unknown, path.Root("ports")},
		"unknown number": {[]any{port(int64(80)), port(spec.Unknown)}, path.Root("ports").AtListIndex(1).AtName("number")},
		"null element":   {[]any{nil}, path.Root("ports").AtListIndex(0)},
		"negative":       {[]any{port(int64(-1))}, path.Root("ports").AtListIndex(0).AtName("number")},
		"fraction":       {[]any{port(80.5)}, path.Root("ports").AtListIndex(0).AtName("number")},
		"too large":      {[]any{port(int64(math.MaxUint32) + 1)}, path.Root("ports").AtListIndex(0).AtName("number")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := entry.Encode(map[string]any{"ports": c.ports})
			var at *spec.Error
			if !errors.As(err, &at) || !at.Path.Equal(c.want) {
				t.Errorf("error %v, want one at %s", err, c.want)
			}
		})
	}
}

func TestCanonical_spellsDurationsAlike(t *testing.T) {
	t.Parallel()
	http := in(messages["VirtualService"], "http")
	var got []any
	for _, s := range []string{"60s", "1m", "1m0s"} {
		value := map[string]any{"timeout": s}
		canonical, err := http.Canonical(value)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, canonical["timeout"])
		if sent, err := http.Encode(value); err != nil || sent["timeout"] != s {
			t.Errorf("timeout = %q is sent as %v (%v)", s, sent["timeout"], err)
		}
	}
	if got[0] != got[1] || got[1] != got[2] {
		t.Errorf("one duration has the canonical spellings %v", got)
	}
}

func TestObserve_readsTheProtobufName(t *testing.T) {
	t.Parallel()
	http := in(messages["VirtualService"], "http")
	got, unknown, err := http.Observe(map[string]any{"mirror_percent": int64(5)}, nil)
	if err != nil || len(unknown) > 0 {
		t.Fatal(unknown, err)
	}
	if got["mirrorPercent"] != int64(5) {
		t.Errorf("mirror_percent is %v", got["mirrorPercent"])
	}
}

func TestObserve_listsUnknownFields(t *testing.T) {
	t.Parallel()
	m := messages["VirtualService"]
	_, unknown, err := m.Observe(map[string]any{
		"newInIstio2": true,
		"http": []any{
			map[string]any{"name": "a"},
			map[string]any{"match": []any{map[string]any{"headers": map[string]any{"x-user": map[string]any{"suffix": "z"}}}}},
		},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"http[1].match[0].headers[x-user].suffix", "newInIstio2"}; !slices.Equal(unknown, want) {
		t.Errorf("unknown fields %v, want %v", unknown, want)
	}
}

func TestObserve_partialMessagesHaveNoUnknownFields(t *testing.T) {
	t.Parallel()
	m := &spec.Message{Partial: true, Fields: []spec.Field{{Name: "type", JSON: "type", Scalar: spec.String}}}
	_, unknown, err := m.Observe(map[string]any{"type": "ClusterIP", "clusterIPs": []any{"10.0.0.1"}}, nil)
	if err != nil || len(unknown) > 0 {
		t.Errorf("unknown fields %v (%v)", unknown, err)
	}
}

func TestObserve_errorsNameTheAttribute(t *testing.T) {
	t.Parallel()
	m := messages["VirtualService"]
	for name, c := range map[string]struct {
		object map[string]any
		want   path.Path
	}{
		"no list":   {map[string]any{"http": "x"}, path.Root("http")},
		"no object": {map[string]any{"http": []any{"x"}}, path.Root("http").AtListIndex(0)},
		"no map":    {map[string]any{"tls": []any{map[string]any{"match": []any{map[string]any{"sourceLabels": "x"}}}}}, path.Root("tls").AtListIndex(0).AtName("match").AtListIndex(0).AtName("source_labels")},
		"no string": {map[string]any{"hosts": []any{int64(1)}}, path.Root("hosts").AtListIndex(0)},
		"no number": {map[string]any{"tcp": []any{map[string]any{"route": []any{map[string]any{"weight": "x"}}}}}, path.Root("tcp").AtListIndex(0).AtName("route").AtListIndex(0).AtName("weight")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := m.Observe(c.object, nil)
			var at *spec.Error
			if !errors.As(err, &at) || !at.Path.Equal(c.want) {
				t.Errorf("error %v, want one at %s", err, c.want)
			}
		})
	}
}

func TestObserve_leavesOutWhatTheServerFilledIn(t *testing.T) {
	t.Parallel()
	m := &spec.Message{Fields: []spec.Field{{
		Name: "protocol", JSON: "protocol", Scalar: spec.String,
		Filled: func(v any, _ map[string]any) bool { return v == "TCP" },
	}}}
	for name, c := range map[string]struct {
		stored string
		prior  any
		want   any
	}{
		"filled in":         {"TCP", nil, nil},
		"asked for":         {"TCP", "TCP", "TCP"},
		"changed":           {"UDP", nil, "UDP"},
		"changed to theirs": {"TCP", "UDP", "TCP"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prior := map[string]any{}
			if c.prior != nil {
				prior["protocol"] = c.prior
			}
			got, _, err := m.Observe(map[string]any{"protocol": c.stored}, prior)
			if err != nil || got["protocol"] != c.want {
				t.Errorf("got %v (%v), want %v", got["protocol"], err, c.want)
			}
		})
	}
}

func TestObserve_keepsWhatLeavesNoTrace(t *testing.T) {
	t.Parallel()
	fields := []spec.Field{
		{Name: "headless", JSON: "clusterIP", Scalar: spec.Flag("None")},
		{Name: "hosts", JSON: "hosts", Collection: spec.List, Scalar: spec.String},
	}
	for name, c := range map[string]struct {
		omitsEmpty bool
		want       any
	}{
		"a server that stores []":         {false, nil},
		"a server that does not store it": {true, []any{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &spec.Message{Fields: fields, OmitsEmpty: c.omitsEmpty}
			got, _, err := m.Observe(map[string]any{}, map[string]any{"clusterIP": false, "hosts": []any{}})
			if err != nil || !reflect.DeepEqual(got["hosts"], c.want) || got["clusterIP"] != false {
				t.Errorf("got %v (%v)", got, err)
			}
		})
	}
}

func TestPath(t *testing.T) {
	t.Parallel()
	http := path.Root("http").AtListIndex(0)
	for field, want := range map[string]path.Path{
		"http[0].route[1].weight":                     http.AtName("route").AtListIndex(1).AtName("weight"),
		"http[0].corsPolicy.allowOrigins[2].exact":    http.AtName("cors_policy").AtName("allow_origins").AtListIndex(2).AtName("exact"),
		"http[0].match[0].headers[x-user.id].exact":   http.AtName("match").AtListIndex(0).AtName("headers").AtMapKey("x-user.id").AtName("exact"),
		"http[0].match[0].headers.x-user.exact":       http.AtName("match").AtListIndex(0).AtName("headers").AtMapKey("x-user").AtName("exact"),
		"http[0].match[0].uri.suffix":                 http.AtName("match").AtListIndex(0).AtName("uri"),
		"http":                                        path.Root("http"),
		"exportTo[3]":                                 path.Root("export_to").AtListIndex(3),
		"http[0].headers.request.set[x].y":            http.AtName("headers").AtName("request").AtName("set").AtMapKey("x"),
		"http[0].fault.abort.http2Error":              http.AtName("fault").AtName("abort").AtName("http2_error"),
		"tls[1].match[0].sniHosts[0]":                 path.Root("tls").AtListIndex(1).AtName("match").AtListIndex(0).AtName("sni_hosts").AtListIndex(0),
		"http[0].retries.retryIgnorePreviousHosts":    http.AtName("retries").AtName("retry_ignore_previous_hosts"),
		"http[0].match[0].withoutHeaders[a].regex":    http.AtName("match").AtListIndex(0).AtName("without_headers").AtMapKey("a").AtName("regex"),
		"http[0].mirrors[0].destination.port.number":  http.AtName("mirrors").AtListIndex(0).AtName("destination").AtName("port").AtName("number"),
		"http[0].directResponse.body.bytes.something": http.AtName("direct_response").AtName("body").AtName("bytes"),
	} {
		got, ok := messages["VirtualService"].Path(field)
		if !ok || !got.Equal(want) {
			t.Errorf("%s is %s (%v), want %s", field, got, ok, want)
		}
	}
	if got, ok := messages["VirtualService"].Path("servers[0]"); ok {
		t.Errorf("a field of another kind is %s", got)
	}
}

func TestUint64_keepsAllDigits(t *testing.T) {
	t.Parallel()
	maglev := in(messages["DestinationRule"], "traffic_policy", "load_balancer", "consistent_hash", "maglev")
	got, err := maglev.Encode(map[string]any{"tableSize": int64(math.MaxInt64)})
	if err != nil || got["tableSize"] != int64(math.MaxInt64) {
		t.Errorf("got %v (%v)", got, err)
	}
}

// 60s and 1m are the same timeout, so the state keeps its spelling.
func TestKeep(t *testing.T) {
	t.Parallel()
	m := messages["VirtualService"]
	route := func(timeout any, weight int64) map[string]any {
		return map[string]any{"timeout": timeout, "route": []any{map[string]any{"weight": weight}}}
	}
	tree := func(routes ...any) map[string]any { return map[string]any{"http": routes} }
	before := tree(route("60s", 1), route("1s", 1))
	for name, c := range map[string]struct{ after, want map[string]any }{
		"the same":         {tree(route("1m", 1), route("1000ms", 1)), before},
		"another duration": {tree(route("61s", 1), route("1s", 1)), tree(route("61s", 1), route("1s", 1))},
		"another weight":   {tree(route("1m0s", 2), route("1s", 1)), tree(route("60s", 2), route("1s", 1))},
		"fewer":            {tree(route("1m", 1)), tree(route("60s", 1))},
		"more":             {tree(route("1m", 1), route("1s", 1), route("2s", 1)), tree(route("60s", 1), route("1s", 1), route("2s", 1))},
		"unknown":          {tree(route(spec.Unknown, 1)), tree(route(spec.Unknown, 1))},
		"nothing before":   {map[string]any{"http": spec.Unknown}, map[string]any{"http": spec.Unknown}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := m.Keep(before, c.after); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
			observed, _, err := m.Observe(c.after, before)
			if name != "unknown" && name != "nothing before" && (err != nil || !reflect.DeepEqual(observed, c.want)) {
				t.Errorf("observed %v (%v), want %v", observed, err, c.want)
			}
		})
	}
}

// Terraform compares numbers in decimal, so 0.1 differs from the nearest float64.
func TestMarshal_numbers(t *testing.T) {
	t.Parallel()
	m := &spec.Message{Fields: []spec.Field{{Name: "n", JSON: "n", Scalar: spec.Float}}}
	for _, text := range []string{"0", "-1", "0.1", "0.5", "1e30", "9223372036854775807", "9223372036854775808", "0.1000000000000000000000000001", "1e400", "-0.3e-9"} {
		n, _, err := big.ParseFloat(text, 10, 512, big.ToNearestEven)
		if err != nil {
			t.Fatal(err)
		}
		typ := terraformType(m).(tftypes.Object)
		want := tftypes.NewValue(typ, map[string]tftypes.Value{"n": tftypes.NewValue(tftypes.Number, n)})
		sent, err := tfprotov6.NewDynamicValue(typ, want)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := m.Unmarshal(sent.MsgPack)
		if err != nil {
			t.Fatal(err)
		}
		back, err := m.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := (tfprotov6.DynamicValue{MsgPack: back}).Unmarshal(typ); err != nil || !got.Equal(want) {
			t.Errorf("%s is %v, sent back as %s (%v)", text, tree["n"], got, err)
		}
	}
}

func TestSnake(t *testing.T) {
	t.Parallel()
	for camel, want := range map[string]string{
		"requiredDuringSchedulingIgnoredDuringExecution": "required_during_scheduling_ignored_during_execution",
		"targetCPUUtilizationPercentage":                 "target_cpu_utilization_percentage",
		"topologyKey":                                    "topology_key",
		"key":                                            "key",
	} {
		if got := spec.Snake(camel); got != want {
			t.Errorf("%s is %s, want %s", camel, got, want)
		}
	}
}

// Two JSON strings are equal if their values are, ignoring white space, order and nulls.
func TestStruct(t *testing.T) {
	t.Parallel()
	m := &spec.Message{Fields: []spec.Field{{Name: "value", JSON: "value", Scalar: spec.Struct}}}
	object := map[string]any{"a": int64(1), "b": []any{"x", nil, map[string]any{}}}
	got, err := m.Encode(map[string]any{"value": `{ "b": ["x", null, {"c": null}], "a": 1.0, "d": null }`})
	if err != nil || !reflect.DeepEqual(got["value"], object) && !reflect.DeepEqual(got["value"], map[string]any{"a": float64(1), "b": object["b"]}) {
		t.Errorf("encoded is %v, %v", got, err)
	}
	for prior, want := range map[string]string{
		"": `{"a":1,"b":["x",null,{}]}`, `{"b":["x",null,{}], "a":1.0}`: `{"b":["x",null,{}], "a":1.0}`,
		`{"a":2,"b":["x",null,{}]}`: `{"a":1,"b":["x",null,{}]}`,
	} {
		var known map[string]any
		if prior != "" {
			known = map[string]any{"value": prior}
		}
		tree, _, err := m.Observe(map[string]any{"value": object}, known)
		if err != nil || tree["value"] != want {
			t.Errorf("known as %s it is %v, want %s (%v)", prior, tree["value"], want, err)
		}
	}
	for _, wrong := range []string{"", "x", "[]", "null", `"a"`, "{"} {
		if len(m.Validate(map[string]any{"value": wrong})) != 1 {
			t.Errorf("%q passes for an object", wrong)
		}
	}
	if d := m.Validate(map[string]any{"value": "{}"}); len(d) > 0 {
		t.Error(d)
	}
}
