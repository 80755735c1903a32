package provider_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"sigs.k8s.io/yaml"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

// moved returns the states of other providers in testdata/moved, by provider and type of resource, and by the type of the object's kind.
func moved(t *testing.T) map[string]map[string]json.RawMessage {
	t.Helper()
	files, err := filepath.Glob("testdata/moved/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	all := make(map[string]map[string]json.RawMessage)
	for _, file := range files {
		var state struct {
			Resources []struct {
				Provider, Type, Name string
				Instances            []struct{ Attributes json.RawMessage }
			}
		}
		readJSON(t, file, &state)
		for _, r := range state.Resources {
			from := strings.TrimSuffix(strings.TrimPrefix(r.Provider, `provider["`), `"]`) + " " + r.Type
			if all[from] == nil {
				all[from] = make(map[string]json.RawMessage)
			}
			all[from][r.Name] = r.Instances[0].Attributes
		}
	}
	return all
}

// manifestIn returns the manifest in a state of kubernetes_manifest or kubectl_manifest.
func manifestIn(t *testing.T, attributes map[string]any) (manifest map[string]any) {
	t.Helper()
	if body, ok := attributes["yaml_body"].(string); ok {
		if err := yaml.Unmarshal([]byte(body), &manifest); err != nil {
			t.Fatal(err)
		}
		return manifest
	}
	return attributes["manifest"].(map[string]any)["value"].(map[string]any)
}

// stateOf returns the state of another provider for an object of this kind, and its manifest. If no state is recorded, it is derived from that
// of a VirtualService, with the same metadata and a minimal spec.
func stateOf(t *testing.T, recorded map[string]json.RawMessage, k *kind) (text string, manifest map[string]any) {
	t.Helper()
	state, ok := recorded[k.Type]
	if !ok {
		state = recorded["virtual_service"]
	}
	var attributes map[string]any
	if err := json.Unmarshal(state, &attributes); err != nil {
		t.Fatal(err)
	}
	manifest = manifestIn(t, attributes)
	if ok {
		return string(state), manifest
	}
	var spec map[string]any
	if err := json.Unmarshal([]byte(minimal[k.Type]), &spec); err != nil {
		t.Fatal(err)
	}
	manifest["apiVersion"], manifest["kind"], manifest["spec"] = k.Resource.GroupVersion().String(), k.Kind, spec
	body, err := yaml.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := attributes["yaml_body"]; ok {
		attributes["yaml_body"], attributes["yaml_body_parsed"] = string(body), string(body)
		attributes["api_version"], attributes["kind"] = manifest["apiVersion"], k.Kind
	} else {
		attributes["manifest"] = map[string]any{"value": manifest}
		object := attributes["object"].(map[string]any)["value"].(map[string]any)
		object["apiVersion"], object["kind"], object["spec"] = manifest["apiVersion"], k.Kind, spec
	}
	if state, err = json.Marshal(attributes); err != nil {
		t.Fatal(err)
	}
	return string(state), manifest
}

func move(t *testing.T, c client, from, typeName string, state []byte) *tfprotov6.MoveResourceStateResponse {
	t.Helper()
	parts := strings.Fields(from)
	resp, err := c.server.MoveResourceState(context.Background(), &tfprotov6.MoveResourceStateRequest{
		SourceProviderAddress: parts[0], SourceTypeName: parts[1], TargetTypeName: typeName, SourceState: &tfprotov6.RawState{JSON: state},
	})
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// An object that kubernetes_manifest or kubectl_manifest has managed is moved without changes, whatever its kind. Attributes that are then
// removed from the configuration are removed from the object.
func TestAccMoved(t *testing.T) {
	t.Parallel()
	for from, recorded := range moved(t) {
		for _, k := range istio.Kinds() {
			t.Run(strings.ReplaceAll(from, "/", "_")+" "+k.Type, func(t *testing.T) {
				t.Parallel()
				state, manifest := stateOf(t, recorded, k)
				testMoved(t, k, from, state, manifest)
			})
		}
	}
}

func testMoved(t *testing.T, k *kind, from, state string, manifest map[string]any) {
	t.Helper()
	namespace, typeName := acctest.Namespace(t), "lamia_"+k.Type
	c := newClient(t, nil)
	metadata := manifest["metadata"].(map[string]any)
	spec, err := json.Marshal(manifest["spec"])
	if err != nil {
		t.Fatal(err)
	}
	object := acctest.NewObject(t, k, namespace, metadata["name"].(string))
	object.Create(string(spec), map[string]string{"team": "reviews"})
	before := object.Patch(`{"metadata":{"annotations":{"note":"moved"}}}`)
	state = strings.NewReplacer(
		`namespace: moved`, "namespace: "+namespace, `"namespace": "moved"`, fmt.Sprintf(`"namespace": %q`, namespace), `"namespace":"moved"`, fmt.Sprintf(`"namespace":%q`, namespace),
	).Replace(uuid.ReplaceAllString(state, string(before.GetUID())))

	resp := move(t, c, from, typeName, []byte(state))
	c.must(nil, resp.Diagnostics)
	if got := c.identity(resp.TargetIdentity); got != namespace+"/"+object.Name {
		t.Errorf("the identity is %q", got)
	}
	read := c.read(typeName, resp.TargetState, resp.TargetPrivate)
	attributes := c.attributes(typeName, read.NewState)
	for name, v := range c.attributes(typeName, resp.TargetState) {
		if !v.IsNull() && !v.Equal(attributes[name]) {
			t.Errorf("%s is %v after the move, %v in the cluster", name, v, attributes[name])
		}
	}
	imported, err := c.server.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: typeName, ID: namespace + "/" + object.Name})
	c.must(err, imported.Diagnostics)
	of := imported.ImportedResources[0]
	for name, v := range c.attributes(typeName, c.read(typeName, of.State, of.Private).NewState) {
		if name != "labels" && name != "annotations" && !v.Equal(attributes[name]) { // an import does not know who owns them
			t.Errorf("%s is %v after the move, %v after an import", name, attributes[name], v)
		}
	}
	config := map[string]tftypes.Value{}
	for _, a := range c.schemas.ResourceSchemas[typeName].Block.Attributes {
		if !a.Computed || a.Name == "namespace" {
			config[a.Name] = attributes[a.Name]
		}
	}
	applied, changed := c.apply(typeName, read.NewState, read.Private, config)
	if len(changed) > 0 {
		t.Errorf("the plan changes %v", changed)
	}
	if err := object.Untouched(before); err != nil {
		t.Error(err)
	}
	if metadata["labels"] == nil {
		return
	}
	if got := attributes["labels"].String(); !strings.Contains(got, "reviews") {
		t.Errorf("the labels of the manifest are %s in the state", got)
	}
	config["labels"] = tftypes.NewValue(attributes["labels"].Type(), nil)
	c = newClient(t, nil) // another run of Terraform
	c.apply(typeName, applied.NewState, applied.Private, config)
	if labels := object.Live().GetLabels(); len(labels) > 0 {
		t.Errorf("the labels %v stay", labels)
	}
}
