package spec_test

import (
	"errors"
	"math"
	"math/big"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// object is a value of m with these attributes, the others null.
func object(m *spec.Message, set map[string]tftypes.Value) tftypes.Value {
	attributes := make(map[string]tftypes.Value)
	for _, f := range m.Fields {
		attributes[f.Name] = tftypes.NewValue(f.Type(), nil)
		if v, ok := set[f.Name]; ok {
			attributes[f.Name] = v
			delete(set, f.Name)
		}
	}
	if len(set) > 0 {
		panic("no such attributes")
	}
	return tftypes.NewValue(m.Type(), attributes)
}

// in is the message of the field called name.
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
	got, err := route.Encode(object(route, map[string]tftypes.Value{"weight": tftypes.NewValue(tftypes.Number, 0)}))
	if err != nil {
		t.Fatal(err)
	}
	if weight, ok := got["weight"]; !ok || weight != int64(0) || len(got) != 1 {
		t.Errorf("weight = 0 is encoded as %v", got)
	}
	gateway := messages["Gateway"]
	got, err = gateway.Encode(object(gateway, map[string]tftypes.Value{
		"selector": tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, map[string]tftypes.Value{}),
	}))
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
	ports := in(entry, "ports")
	port := func(number any) tftypes.Value {
		return object(ports, map[string]tftypes.Value{"number": tftypes.NewValue(tftypes.Number, number)})
	}
	list := tftypes.List{ElementType: ports.Type()}
	for name, c := range map[string]struct {
		ports tftypes.Value
		want  path.Path
	}{
		"unknown list":   {tftypes.NewValue(list, tftypes.UnknownValue), path.Root("ports")},
		"unknown number": {tftypes.NewValue(list, []tftypes.Value{port(80), port(tftypes.UnknownValue)}), path.Root("ports").AtListIndex(1).AtName("number")},
		"null element":   {tftypes.NewValue(list, []tftypes.Value{tftypes.NewValue(ports.Type(), nil)}), path.Root("ports").AtListIndex(0)},
		"negative":       {tftypes.NewValue(list, []tftypes.Value{port(-1)}), path.Root("ports").AtListIndex(0).AtName("number")},
		"fraction":       {tftypes.NewValue(list, []tftypes.Value{port(80.5)}), path.Root("ports").AtListIndex(0).AtName("number")},
		"too large":      {tftypes.NewValue(list, []tftypes.Value{port(int64(math.MaxUint32) + 1)}), path.Root("ports").AtListIndex(0).AtName("number")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := entry.Encode(object(entry, map[string]tftypes.Value{"ports": c.ports}))
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
		value := object(http, map[string]tftypes.Value{"timeout": tftypes.NewValue(tftypes.String, s)})
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

func TestDecode_readsTheProtobufName(t *testing.T) {
	t.Parallel()
	http := in(messages["VirtualService"], "http")
	got, unknown, err := http.Decode(map[string]any{"mirror_percent": int64(5)}, null(http))
	if err != nil || len(unknown) > 0 {
		t.Fatal(unknown, err)
	}
	if want := tftypes.NewValue(tftypes.Number, 5); !got["mirror_percent"].Equal(want) {
		t.Errorf("mirror_percent is %s", got["mirror_percent"])
	}
}

func TestDecode_listsUnknownFields(t *testing.T) {
	t.Parallel()
	m := messages["VirtualService"]
	_, unknown, err := m.Decode(map[string]any{
		"newInIstio2": true,
		"http": []any{
			map[string]any{"name": "a"},
			map[string]any{"match": []any{map[string]any{"headers": map[string]any{"x-user": map[string]any{"suffix": "z"}}}}},
		},
	}, null(m))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"http[1].match[0].headers[x-user].suffix", "newInIstio2"}; !slices.Equal(unknown, want) {
		t.Errorf("unknown fields %v, want %v", unknown, want)
	}
}

func TestDecode_partialMessagesHaveNoUnknownFields(t *testing.T) {
	t.Parallel()
	m := &spec.Message{Partial: true, Fields: []spec.Field{{Name: "type", JSON: "type", Scalar: spec.String}}}
	_, unknown, err := m.Decode(map[string]any{"type": "ClusterIP", "clusterIPs": []any{"10.0.0.1"}}, null(m))
	if err != nil || len(unknown) > 0 {
		t.Errorf("unknown fields %v (%v)", unknown, err)
	}
}

func TestDecode_errorsNameTheAttribute(t *testing.T) {
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
			_, _, err := m.Decode(c.object, null(m))
			var at *spec.Error
			if !errors.As(err, &at) || !at.Path.Equal(c.want) {
				t.Errorf("error %v, want one at %s", err, c.want)
			}
		})
	}
}

func TestDecode_leavesOutWhatTheServerFilledIn(t *testing.T) {
	t.Parallel()
	m := &spec.Message{Fields: []spec.Field{{
		Name: "protocol", JSON: "protocol", Scalar: spec.String,
		Filled: func(v any, _ map[string]any) bool { return v == "TCP" },
	}}}
	tcp, udp := tftypes.NewValue(tftypes.String, "TCP"), tftypes.NewValue(tftypes.String, "UDP")
	for name, c := range map[string]struct {
		stored string
		prior  any
		want   tftypes.Value
	}{
		"filled in":         {"TCP", nil, tftypes.NewValue(tftypes.String, nil)},
		"asked for":         {"TCP", "TCP", tcp},
		"changed":           {"UDP", nil, udp},
		"changed to theirs": {"TCP", "UDP", tcp},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prior := object(m, map[string]tftypes.Value{"protocol": tftypes.NewValue(tftypes.String, c.prior)})
			got, _, err := m.Decode(map[string]any{"protocol": c.stored}, prior)
			if err != nil || !got["protocol"].Equal(c.want) {
				t.Errorf("got %s (%v), want %s", got["protocol"], err, c.want)
			}
		})
	}
}

func TestDecode_keepsWhatLeavesNoTrace(t *testing.T) {
	t.Parallel()
	fields := []spec.Field{
		{Name: "headless", JSON: "clusterIP", Scalar: spec.Flag("None")},
		{Name: "hosts", JSON: "hosts", Collection: spec.List, Scalar: spec.String},
	}
	hosts := tftypes.List{ElementType: tftypes.String}
	for name, c := range map[string]struct {
		omitsEmpty bool
		want       tftypes.Value
	}{
		"a server that stores []":         {false, tftypes.NewValue(hosts, nil)},
		"a server that does not store it": {true, tftypes.NewValue(hosts, []tftypes.Value{})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &spec.Message{Fields: fields, OmitsEmpty: c.omitsEmpty}
			prior := object(m, map[string]tftypes.Value{
				"headless": tftypes.NewValue(tftypes.Bool, false), "hosts": tftypes.NewValue(hosts, []tftypes.Value{}),
			})
			got, _, err := m.Decode(map[string]any{}, prior)
			if err != nil || !got["hosts"].Equal(c.want) || !got["headless"].Equal(tftypes.NewValue(tftypes.Bool, false)) {
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
	large := new(big.Float).SetInt64(math.MaxInt64)
	got, err := maglev.Encode(object(maglev, map[string]tftypes.Value{"table_size": tftypes.NewValue(tftypes.Number, large)}))
	if err != nil || got["tableSize"] != int64(math.MaxInt64) {
		t.Errorf("got %v (%v)", got, err)
	}
}
