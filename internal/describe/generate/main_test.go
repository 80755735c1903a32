package main

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/magneticio/terraform-provider-lamia/internal/describe"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// The committed file is what the generator creates from the istio.io/api module in go.mod.
func TestFieldsAreCurrent(t *testing.T) {
	t.Parallel()
	module, err := moduleDir("istio.io/api")
	if err != nil {
		t.Fatal(err)
	}
	fields, err := generate(module)
	if err != nil {
		t.Fatal(err)
	}
	want, err := encode(fields)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../fields.json")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) == string(want) {
		return
	}
	var committed map[protoreflect.FullName]describe.Field
	if err := json.Unmarshal(got, &committed); err != nil {
		t.Fatal(err)
	}
	for name := range fields {
		if !reflect.DeepEqual(fields[name], committed[name]) {
			t.Errorf("%s is %+v, the generator makes %+v", name, committed[name], fields[name])
		}
	}
	t.Error("internal/describe/fields.json is not current: run make generate")
}

func TestReachable(t *testing.T) {
	t.Parallel()
	found := map[protoreflect.FullName]bool{}
	for _, md := range reachable() {
		found[md.FullName()] = true
	}
	// One message for each way to reach it: a field, a list, a map, another package.
	for _, name := range []protoreflect.FullName{
		"istio.networking.v1alpha3.VirtualService", "istio.networking.v1alpha3.Percent", "istio.networking.v1alpha3.HTTPRoute",
		"istio.networking.v1alpha3.StringMatch", "istio.type.v1beta1.WorkloadSelector",
	} {
		if !found[name] {
			t.Errorf("%s is not reached", name)
		}
	}
	for name := range found {
		if strings.HasPrefix(string(name), "google.") || strings.HasSuffix(string(name), "Entry") && !strings.HasSuffix(string(name), "v1alpha3.ServiceEntry") && !strings.HasSuffix(string(name), "v1alpha3.WorkloadEntry") {
			t.Errorf("%s has no attributes of its own", name)
		}
	}
}

func virtualServiceField(t *testing.T, name protoreflect.Name) protoreflect.FieldDescriptor {
	t.Helper()
	fd := kinds["VirtualService"].Fields().ByName(name)
	if fd == nil {
		t.Fatalf("no field %s", name)
	}
	return fd
}

func TestConstraintsThatDiffer(t *testing.T) {
	t.Parallel()
	hosts := virtualServiceField(t, "hosts")
	once := func(s schema, c constraints) error { return c.field(s, hosts) }
	c := constraints{}
	if err := once(schema{"maxItems": 3.0, "items": map[string]any{}}, c); err != nil {
		t.Fatal(err)
	}
	if err := once(schema{"maxItems": 3.0, "items": map[string]any{}}, c); err != nil {
		t.Errorf("the same constraint twice: %v", err)
	}
	if err := once(schema{"maxItems": 4.0, "items": map[string]any{}}, c); err == nil {
		t.Error("two constraints on one field: no error")
	}
	if err := once(schema{"uniqueItems": true}, constraints{}); err == nil {
		t.Error("a keyword that the generator does not know: no error")
	}
	if err := once(schema{"maxItems": 1.5}, constraints{}); err == nil {
		t.Error("a limit that is no whole number: no error")
	}
}

func TestPortRuleNarrowsTheType(t *testing.T) {
	t.Parallel()
	s := schema{"minimum": 0.0, "maximum": 4294967295.0, "x-kubernetes-validations": []any{map[string]any{"rule": portRule}}}
	for range 20 { // keywords are read in random order
		c, err := read(s, virtualServiceField(t, "hosts"))
		if err != nil {
			t.Fatal(err)
		}
		if *c.Minimum != 1 || *c.Maximum != 65535 {
			t.Fatalf("from %d to %d", *c.Minimum, *c.Maximum)
		}
	}
}

func TestDescription(t *testing.T) {
	t.Parallel()
	route := kinds["VirtualService"].Fields().ByName("http").Message()
	timeout := route.Fields().ByName("name")
	references := map[protoreflect.FullName]string{route.FullName(): "https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRoute"}
	tests := map[string]struct{ comment, want string }{
		"wrapped lines": {"A list of\nnames.", "A list of names."},
		"full stop":     {"Name of it", "Name of it."},
		"capital":       {"the name.", "The name."},
		"paragraphs":    {"One.\n\nTwo.", "One.\n\n  Two."},
		"markers":       {"One.\n$hide_from_docs\n+kubebuilder:validation:MaxItems=2\n<!-- two\nthree -->", "One."},
		"field names":   {"See `exportTo`, exportTo and hosts.", "See `export_to`, `export_to` and hosts."},
		"a setting":     {"Like `exact: \"a\"`.", "Like `exact = \"a\"`."},
		"keys of no attribute": {
			"Keys `cert: <clientCert>` and\n`ca.crt: x`.", "Keys `cert: <clientCert>` and `ca.crt: x`."},
		"links": {"[a](/docs/ops/) [b](https://istio.io/docs/x) [c](#HTTPRoute)",
			"[a](https://istio.io/latest/docs/ops/) [b](https://istio.io/latest/docs/x) [c](https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRoute)."},
		"lists":          {"All:\n\n* one\n  more\n* two", "All:\n\n  - one more\n  - two"},
		"lists in lists": {"All:\n\n  - one\n    1. sub\n  - two", "All:\n\n  - one\n    1. sub\n  - two"},
		"an example":     {"It is so. For example, the following does it:\n\n```yaml\napiVersion: X\n```\n\nMore.", "It is so.\n\n  More."},
		"a short example": {"The default is:\n\n```yaml\nattempts: 2\nretryOn: \"a,b\"\n```",
			"The default is: `attempts = 2`, `retry_on = \"a,b\"`."},
		"what comes first": {"REQUIRED if mode is `MUTUAL`. The path.", "The path. Required if mode is `MUTUAL`."},
		"globs":            {"Ports 'http-*' and \"*\".", "Ports `http-*` and `*`."},
		"placeholders":     {"With route.<prefix> only.", "With `route.<prefix>` only."},
	}
	for name, test := range tests {
		m := newMarkdown(map[protoreflect.FullName]string{timeout.FullName(): test.comment}, references, reachable())
		if got := m.of(timeout); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// An amendment to a comment that no longer exists is an error.
func TestAmendmentsThatAreStale(t *testing.T) {
	t.Parallel()
	m := newMarkdown(nil, nil, nil)
	for _, name := range slices.Collect(maps.Keys(amendments))[1:] {
		m.used[name]++
	}
	if err := m.unused(); err == nil {
		t.Error("no error")
	}
}

// Each message links to its section of Istio's reference, and so do the attributes that contain the message.
func TestReferences(t *testing.T) {
	t.Parallel()
	const config = "https://istio.io/latest/docs/reference/config/"
	for _, md := range reachable() {
		reference := describe.Of(md.FullName()).Reference
		hidden := md.FullName() == v1alpha3+"EnvoyFilter.WaypointMatch"
		if !strings.HasPrefix(reference, config) || !strings.HasSuffix(reference, "/#"+anchor(md)) && !hidden {
			t.Errorf("%s: %q", md.FullName(), reference)
		}
		for fd := range each(md.Fields()) {
			held := fd.Message()
			if fd.IsMap() {
				held = fd.MapValue().Message()
			}
			if held == nil || wellKnown(held) {
				continue
			}
			if text := describe.Of(fd.FullName()).Description; !strings.Contains(text, "]("+describe.Of(held.FullName()).Reference+").") {
				t.Errorf("%s does not link to the reference of %s: %s", fd.FullName(), held.Name(), text)
			}
		}
	}
	for name, want := range map[protoreflect.FullName]string{
		v1alpha3 + "HTTPRoute":                          "networking/virtual-service/#HTTPRoute",
		v1alpha3 + "ConnectionPoolSettings.TCPSettings": "networking/destination-rule/#ConnectionPoolSettings-TCPSettings",
		v1alpha3 + "EnvoyFilter.WaypointMatch":          "networking/envoy-filter/#EnvoyFilter",
		v1alpha3 + "TrafficPolicy.PortTrafficPolicy":    "networking/destination-rule/#TrafficPolicy-PortTrafficPolicy",
		"istio.networking.v1beta1.ProxyConfig":          "networking/proxy-config/#ProxyConfig",
		"istio.type.v1beta1.WorkloadSelector":           "type/workload-selector/#WorkloadSelector",
		security + "PeerAuthentication.MutualTLS":       "security/peer_authentication/#PeerAuthentication-MutualTLS",
		telemetry + "Telemetry":                         "telemetry/#Telemetry",
		extensions + "TrafficExtension":                 "proxy_extensions/traffic_extension/#TrafficExtension",
	} {
		if got := describe.Of(name).Reference; got != config+want {
			t.Errorf("%s: got %q, want %q", name, got, config+want)
		}
	}
}
