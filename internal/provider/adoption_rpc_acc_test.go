package provider_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
	"github.com/magneticio/terraform-provider-lamia/internal/provider"
)

// client calls the provider like Terraform, for features that the Terraform versions under test do not have.
type client struct {
	t       *testing.T
	server  tfprotov6.ProviderServer
	schemas *tfprotov6.GetProviderSchemaResponse
}

// newClient returns a client of a provider that is connected to the cluster under test.
func newClient(t *testing.T, arguments map[string]tftypes.Value) client {
	t.Helper()
	acctest.Config(t)
	c := client{t: t, server: provider.NewServer("test", "")()}
	var err error
	if c.schemas, err = c.server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{}); err != nil {
		t.Fatal(err)
	}
	resp, err := c.server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{Config: c.object(c.schemas.Provider, arguments)})
	c.must(err, resp.Diagnostics)
	return c
}

func (c client) must(err error, diagnostics []*tfprotov6.Diagnostic) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
	for _, d := range diagnostics {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			c.t.Fatalf("%s: %s", d.Summary, d.Detail)
		}
	}
}

// object returns a value of a schema with these attributes.
func (c client) object(schema *tfprotov6.Schema, attributes map[string]tftypes.Value) *tfprotov6.DynamicValue {
	c.t.Helper()
	object := schema.ValueType().(tftypes.Object)
	all := nulls(object)
	for name, v := range attributes {
		all[name] = v
	}
	value, err := tfprotov6.NewDynamicValue(object, tftypes.NewValue(object, all))
	if err != nil {
		c.t.Fatal(err)
	}
	return &value
}

// attributes returns the attributes of a resource's value.
func (c client) attributes(typeName string, value *tfprotov6.DynamicValue) (attributes map[string]tftypes.Value) {
	c.t.Helper()
	v, err := value.Unmarshal(c.schemas.ResourceSchemas[typeName].ValueType())
	if err == nil {
		err = v.As(&attributes)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return attributes
}

var identityType = tftypes.Object{AttributeTypes: map[string]tftypes.Type{"namespace": tftypes.String, "name": tftypes.String}}

// identity returns an identity as text, such as "a/b".
func (c client) identity(data *tfprotov6.ResourceIdentityData) string {
	c.t.Helper()
	if data == nil || data.IdentityData == nil {
		return ""
	}
	v, err := data.IdentityData.Unmarshal(identityType)
	var attributes map[string]tftypes.Value
	if err == nil {
		err = v.As(&attributes)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	var namespace, name string
	if attributes["namespace"].As(&namespace) != nil || attributes["name"].As(&name) != nil {
		c.t.Fatal("an identity that is not known")
	}
	return namespace + "/" + name
}

// read refreshes a state.
func (c client) read(typeName string, state *tfprotov6.DynamicValue, private []byte) *tfprotov6.ReadResourceResponse {
	c.t.Helper()
	resp, err := c.server.ReadResource(c.t.Context(), &tfprotov6.ReadResourceRequest{TypeName: typeName, CurrentState: state, Private: private})
	c.must(err, resp.Diagnostics)
	return resp
}

// apply plans and applies a configuration with these attributes, and returns the result and the names of the attributes that the plan changes.
func (c client) apply(typeName string, state *tfprotov6.DynamicValue, private []byte, config map[string]tftypes.Value) (*tfprotov6.ApplyResourceChangeResponse, []string) {
	c.t.Helper()
	schema := c.schemas.ResourceSchemas[typeName]
	prior := c.attributes(typeName, state)
	proposed := make(map[string]tftypes.Value)
	for _, a := range schema.Block.Attributes {
		proposed[a.Name] = tftypes.NewValue(a.ValueType(), nil)
		if v, ok := config[a.Name]; ok {
			proposed[a.Name] = v
		} else if a.Computed {
			proposed[a.Name] = prior[a.Name]
		}
	}
	given := c.object(schema, config)
	plan, err := c.server.PlanResourceChange(c.t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: typeName, Config: given, PriorState: state, ProposedNewState: c.object(schema, proposed), PriorPrivate: private,
	})
	c.must(err, plan.Diagnostics)
	var changed []string
	for name, v := range c.attributes(typeName, plan.PlannedState) {
		if !v.Equal(prior[name]) {
			changed = append(changed, name)
		}
	}
	slices.Sort(changed)
	applied, err := c.server.ApplyResourceChange(c.t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: typeName, Config: given, PriorState: state, PlannedState: plan.PlannedState, PlannedPrivate: plan.PlannedPrivate,
	})
	c.must(err, applied.Diagnostics)
	return applied, changed
}

func text(s string) tftypes.Value { return tftypes.NewValue(tftypes.String, s) }

// minimal has a spec for each type of resource.
var minimal = map[string]string{
	"gateway":          `{"selector":{"a":"b"},"servers":[{"port":{"number":80,"name":"http","protocol":"HTTP"},"hosts":["a.example.com"]}]}`,
	"virtual_service":  `{"hosts":["a"],"http":[{"route":[{"destination":{"host":"a"}}]}]}`,
	"destination_rule": `{"host":"a"}`,
	"service_entry":    `{"hosts":["a.example.com"],"ports":[{"number":80,"name":"http","protocol":"HTTP"}],"location":"MESH_EXTERNAL"}`,
	"service":          `{"ports":[{"port":80}]}`,
	"workload_entry":   `{"address":"10.0.0.1"}`, "workload_group": `{"template":{"serviceAccount":"a"}}`,
	"envoy_filter":           `{"configPatches":[{"applyTo":"HTTP_FILTER","patch":{"operation":"MERGE","value":{"name":"a"}}}]}`,
	"request_authentication": `{"jwtRules":[{"issuer":"a","jwksUri":"https://a.example.com"}]}`, "proxy_config": `{"concurrency":0}`,
	"wasm_plugin": `{"url":"a"}`, "traffic_extension": `{"wasm":{"url":"a"}}`, "authorization_policy": `{"action":"CUSTOM","provider":{"name":"a"},"rules":[{}]}`,
	"sidecar": `{"egress":[{"hosts":["./*"]}]}`, "telemetry": `{"metrics":[{"reportingInterval":"5s"}]}`, "peer_authentication": `{"mtls":{"mode":"STRICT"}}`,
}

// The identity of an object is its namespace and name. It can be used to import the object, and each response of the provider includes it.
func TestAccIdentity(t *testing.T) {
	t.Parallel()
	namespace := acctest.Namespace(t)
	c := newClient(t, map[string]tftypes.Value{"namespace": text(namespace)})
	for _, k := range istio.Kinds() {
		typeName := "lamia_" + k.Type
		before := acctest.NewObject(t, k, namespace, "a").Create(minimal[k.Type], nil)
		for _, given := range []map[string]tftypes.Value{
			{"namespace": text(namespace), "name": text("a")}, {"namespace": tftypes.NewValue(tftypes.String, nil), "name": text("a")},
		} {
			data, err := tfprotov6.NewDynamicValue(identityType, tftypes.NewValue(identityType, given))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := c.server.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{
				TypeName: typeName, Identity: &tfprotov6.ResourceIdentityData{IdentityData: &data},
			})
			c.must(err, resp.Diagnostics)
			imported := resp.ImportedResources[0]
			read := c.read(typeName, imported.State, imported.Private)
			for what, got := range map[string]string{"import": c.identity(imported.Identity), "read": c.identity(read.NewIdentity)} {
				if got != namespace+"/a" {
					t.Errorf("%s: %s: the identity is %q", typeName, what, got)
				}
			}
			if uid := c.attributes(typeName, read.NewState)["uid"]; !uid.Equal(text(string(before.GetUID()))) {
				t.Errorf("%s: imported is the object of UID %s", typeName, uid)
			}
		}
	}
	// The provider also returns the identity of a new object.
	schema := c.schemas.ResourceSchemas["lamia_destination_rule"]
	config := c.object(schema, map[string]tftypes.Value{"name": text("b"), "host": text("b")})
	object := schema.ValueType()
	none, err := tfprotov6.NewDynamicValue(object, tftypes.NewValue(object, nil))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := c.server.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: "lamia_destination_rule", Config: config, ProposedNewState: config, PriorState: &none,
	})
	c.must(err, plan.Diagnostics)
	applied, err := c.server.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: "lamia_destination_rule", Config: config, PlannedState: plan.PlannedState, PriorState: &none, PlannedPrivate: plan.PlannedPrivate, PlannedIdentity: plan.PlannedIdentity,
	})
	c.must(err, applied.Diagnostics)
	if got := c.identity(applied.NewIdentity); got != namespace+"/b" {
		t.Errorf("the identity of a new object is %q", got)
	}
}

// List resources of all kinds find objects by namespace and by label, with the same values as an import.
func TestAccList(t *testing.T) {
	t.Parallel()
	c := newClient(t, nil)
	for _, k := range istio.Kinds() {
		t.Run(k.Type, func(t *testing.T) {
			t.Parallel()
			namespace := acctest.Namespace(t)
			var first *acctest.Object
			for _, o := range []struct {
				name   string
				labels map[string]string
			}{{"a", map[string]string{"team": "a"}}, {"b", map[string]string{"team": "b"}}, {"c", map[string]string{"team": "a", "tier": namespace}}} {
				object := acctest.NewObject(t, k, namespace, o.name)
				object.Create(minimal[k.Type], o.labels)
				first = cmp.Or(first, object)
			}
			owner := first.Live()
			acctest.NewObject(t, k, namespace, "owned").Create(minimal[k.Type], nil)
			acctest.NewObject(t, k, namespace, "owned").Patch(fmt.Sprintf(`{"metadata":{"ownerReferences":[{"apiVersion":%q,"kind":%q,"name":"a","uid":%q}]}}`,
				owner.GetAPIVersion(), owner.GetKind(), owner.GetUID()))
			l := lister{c, "lamia_" + k.Type, namespace}
			l.finds(t)
			l.reads(t)
		})
	}
}

// lister lists the resources in a namespace with a list resource.
type lister struct {
	client
	typeName, namespace string
}

// list returns the names of the objects found in the namespace, and all results.
func (l lister) list(t *testing.T, limit int64, config map[string]tftypes.Value) (found []string, results []tfprotov6.ListResourceResult) {
	t.Helper()
	stream, err := l.server.(tfprotov6.ListResourceServer).ListResource(t.Context(), &tfprotov6.ListResourceRequest{
		TypeName: l.typeName, Config: l.object(l.schemas.ListResourceSchemas[l.typeName], config), IncludeResource: true, Limit: limit,
	})
	if err != nil {
		t.Fatal(err)
	}
	for result := range stream.Results {
		l.must(nil, result.Diagnostics)
		if got := l.identity(result.Identity); got != result.DisplayName {
			t.Errorf("%s has the identity %s", result.DisplayName, got)
		}
		results = append(results, result)
		if name, ok := strings.CutPrefix(result.DisplayName, l.namespace+"/"); ok {
			found = append(found, name)
		}
	}
	return found, results
}

func (l lister) finds(t *testing.T) {
	t.Helper()
	yes, no := tftypes.NewValue(tftypes.Bool, true), tftypes.NewValue(tftypes.Bool, false)
	for want, config := range map[string]map[string]tftypes.Value{
		"a b c": {"namespace": text(l.namespace), "all_namespaces": no},
		"a c":   {"namespace": text(l.namespace), "label_selector": text("team=a")},
		"a":     {"namespace": text(l.namespace), "label_selector": text("team=a,tier!=" + l.namespace)},
		"c":     {"all_namespaces": yes, "label_selector": text("tier=" + l.namespace)},
		"":      {"namespace": text("kube-system")},
	} {
		if got, _ := l.list(t, 0, config); strings.Join(got, " ") != want {
			t.Errorf("found are %q, want %q", got, want)
		}
	}
	for want, config := range map[string]map[string]tftypes.Value{
		"Too Many Attributes Set": {"namespace": text(l.namespace), "all_namespaces": yes}, "Invalid Label Selector": {"label_selector": text("a=b=c")},
	} {
		resp, err := l.server.(tfprotov6.ListResourceServer).ValidateListResourceConfig(t.Context(), &tfprotov6.ValidateListResourceConfigRequest{
			TypeName: l.typeName, Config: l.object(l.schemas.ListResourceSchemas[l.typeName], config),
		})
		if err != nil || len(resp.Diagnostics) != 1 || resp.Diagnostics[0].Summary != want {
			t.Errorf("%v %v: want %s", err, resp, want)
		}
	}
}

// reads checks that listing an object gives the same values as importing it, and that they are in the configuration generated for it.
func (l lister) reads(t *testing.T) {
	t.Helper()
	got, results := l.list(t, 1, map[string]tftypes.Value{"namespace": text(l.namespace)})
	if len(got) != 1 || len(results) != 1 {
		t.Fatalf("of one at most found are %v", got)
	}
	imported, err := l.server.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: l.typeName, ID: results[0].DisplayName})
	l.must(err, imported.Diagnostics)
	read := l.read(l.typeName, imported.ImportedResources[0].State, imported.ImportedResources[0].Private)
	want := l.attributes(l.typeName, read.NewState)
	attributes := l.attributes(l.typeName, results[0].Resource)
	if !attributes["id"].Equal(text(l.namespace+"/a")) || !attributes["labels"].IsNull() {
		t.Errorf("listed are %v", attributes)
	}
	for name, v := range attributes {
		if !v.Equal(want[name]) {
			t.Errorf("%s is listed as %v, and read as %v", name, v, want[name])
		}
	}
	generated, err := l.server.GenerateResourceConfig(t.Context(), &tfprotov6.GenerateResourceConfigRequest{TypeName: l.typeName, State: results[0].Resource})
	l.must(err, nil)
	config := l.attributes(l.typeName, generated.Config)
	for _, a := range l.schemas.ResourceSchemas[l.typeName].Block.Attributes {
		want := attributes[a.Name]
		if a.Computed && !a.Optional {
			want = tftypes.NewValue(a.ValueType(), nil)
		}
		if v := config[a.Name]; !v.Equal(want) {
			t.Errorf("the generated configuration has %s = %v, want %v", a.Name, v, want)
		}
	}
}
