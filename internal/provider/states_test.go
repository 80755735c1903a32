package provider_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/provider"
)

// state is a state file in testdata/states. The provider wrote it at the commit in the file's name, for the configuration in main.tf.
type state struct {
	Resources []struct {
		Type, Name string
		Instances  []struct {
			SchemaVersion int64           `json:"schema_version"`
			Attributes    json.RawMessage `json:"attributes"`
		}
	}
}

func states(t *testing.T) (files []string) {
	t.Helper()
	files, err := filepath.Glob("testdata/states/*.json")
	if err != nil || len(files) < 3 {
		t.Fatalf("%v: there are the states %s", err, files)
	}
	return files
}

func readJSON(t *testing.T, file string, to any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The provider reads states of earlier commits, with the same values.
func TestStates(t *testing.T) {
	t.Parallel()
	server := provider.NewServer("test", "")()
	schemas, err := server.GetProviderSchema(context.Background(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range states(t) {
		var s state
		readJSON(t, file, &s)
		for _, r := range s.Resources {
			for _, i := range r.Instances {
				name := fmt.Sprintf("%s: %s.%s", file, r.Type, r.Name)
				resp, err := server.UpgradeResourceState(context.Background(), &tfprotov6.UpgradeResourceStateRequest{
					TypeName: r.Type, Version: i.SchemaVersion, RawState: &tfprotov6.RawState{JSON: i.Attributes},
				})
				if err != nil || len(resp.Diagnostics) > 0 {
					t.Errorf("%s: %v %v", name, err, resp)
					continue
				}
				upgraded, err := resp.UpgradedState.Unmarshal(schemas.ResourceSchemas[r.Type].ValueType())
				if err != nil {
					t.Fatal(err)
				}
				var want any
				if err := json.Unmarshal(i.Attributes, &want); err != nil {
					t.Fatal(err)
				}
				if got := plain(t, upgraded); !reflect.DeepEqual(got, withoutNulls(want)) {
					t.Errorf("%s is read as\n%v\nwant\n%v", name, got, withoutNulls(want))
				}
			}
		}
	}
}

// plain returns a value as JSON, without null members.
func plain(t *testing.T, v tftypes.Value) any {
	t.Helper()
	var (
		s       string
		b       bool
		n       big.Float
		list    []tftypes.Value
		members map[string]tftypes.Value
	)
	switch {
	case v.As(&s) == nil:
		return s
	case v.As(&b) == nil:
		return b
	case v.As(&n) == nil:
		f, _ := n.Float64()
		return f
	case v.As(&list) == nil:
		all := []any{}
		for _, e := range list {
			all = append(all, plain(t, e))
		}
		return all
	case v.As(&members) == nil:
		all := make(map[string]any)
		for name, e := range members {
			if !e.IsNull() {
				all[name] = plain(t, e)
			}
		}
		return all
	}
	t.Fatalf("what is %v?", v)
	return nil
}

func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		all := make(map[string]any)
		for name, e := range v {
			if e != nil {
				all[name] = withoutNulls(e)
			}
		}
		return all
	case []any:
		all := []any{}
		for _, e := range v {
			all = append(all, withoutNulls(e))
		}
		return all
	}
	return v
}

// With a state of an earlier commit, the plan for the same objects is empty.
func TestAccStates(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	namespace := acctest.Namespace(t)
	config, err := os.ReadFile("testdata/states/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"main.tf": string(config)}
	tf := acctest.NewTerraform(t, acctest.Folder(t, "", files), "", map[string]any{"namespace": namespace})
	tf.Must("apply", "-auto-approve")
	for _, file := range states(t) {
		old, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var document map[string]any
		if err := json.Unmarshal(old, &document); err != nil {
			t.Fatal(err)
		}
		for _, r := range document["resources"].([]any) {
			r := r.(map[string]any)
			attributes := r["instances"].([]any)[0].(map[string]any)["attributes"].(map[string]any)
			now := tf.Values(fmt.Sprintf("%s.%s", r["type"], r["name"]))
			// These values depend on the namespace and the cluster.
			for _, name := range []string{"namespace", "id", "uid", "host", "cluster_ip", "address", "addresses", "selector"} {
				if _, ok := attributes[name]; ok {
					attributes[name] = now[name]
				}
			}
			if http, ok := attributes["http"].([]any); ok {
				http[0].(map[string]any)["route"] = now["http"].([]any)[0].(map[string]any)["route"]
			}
		}
		content, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		with := acctest.NewTerraform(t, acctest.Folder(t, "", map[string]string{"main.tf": string(config), "terraform.tfstate": string(content)}), "",
			map[string]any{"namespace": namespace})
		with.Empty()
	}
	tf.Must("destroy", "-auto-approve")
}
