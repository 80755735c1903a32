package manifest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	"sigs.k8s.io/yaml"

	"github.com/magneticio/terraform-provider-lamia/internal/istio"
	"github.com/magneticio/terraform-provider-lamia/internal/manifest"
	"github.com/magneticio/terraform-provider-lamia/internal/source"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

const stream = `# a comment
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: reviews, namespace: bookinfo, labels: {app.kubernetes.io/name: reviews, tier: "1"}}
spec:
  hosts: [reviews]
  http:
  - match: [{headers: {x-user: {exact: "${me}"}}}]
    timeout: 2s
    retries: {attempts: 3, perTryTimeout: 500ms}
    route: &route
    - destination: {host: reviews, port: {number: 80}}
  - route: *route
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata:
    name: reviews
    uid: 1b2c
    finalizers: [service.kubernetes.io/load-balancer-cleanup]
    annotations:
      kubectl.kubernetes.io/last-applied-configuration: "{}"
  spec:
    clusterIP: 10.0.0.1
    clusterIPs: [10.0.0.1]
    sessionAffinity: None
    selector: {app: reviews}
    ports: [{port: 80, targetPort: http, protocol: TCP}]
  status: {loadBalancer: {}}
- {apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: reviews.1}, spec: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}}
- {apiVersion: v1, kind: Service, metadata: {name: owned, uid: 2c3d, ownerReferences: [{apiVersion: networking.istio.io/v1, kind: Gateway, name: web, uid: 3d4e}]}}
---
# nothing
`

const configuration = `import {
  to = lamia_virtual_service.reviews
  id = "bookinfo/reviews"
}

resource "lamia_virtual_service" "reviews" {
  namespace = "bookinfo"
  name      = "reviews"
  labels = {
    "app.kubernetes.io/name" = "reviews"
    tier                     = "1"
  }

  hosts = ["reviews"]
  http = [{
    match = [{
      headers = {
        x-user = {
          exact = "$${me}"
        }
      }
    }]
    route = [{
      destination = {
        host = "reviews"
        port = {
          number = 80
        }
      }
    }]
    timeout = "2s"
    retries = {
      attempts        = 3
      per_try_timeout = "500ms"
    }
    }, {
    route = [{
      destination = {
        host = "reviews"
        port = {
          number = 80
        }
      }
    }]
  }]
}

import {
  to = lamia_service.reviews
  id = "default/reviews"
}

resource "lamia_service" "reviews" {
  namespace = "default"
  name      = "reviews"

  ports = [{
    port        = 80
    target_port = "http"
  }]
  selector = {
    app = "reviews"
  }
}

import {
  to = lamia_gateway.reviews_1
  id = "default/reviews.1"
}

resource "lamia_gateway" "reviews_1" {
  namespace = "default"
  name      = "reviews.1"

  servers = [{
    port = {
      number   = 80
      protocol = "HTTP"
      name     = "http"
    }
    hosts = ["*"]
  }]
  selector = {}
}

`

func TestConvert(t *testing.T) {
	t.Parallel()
	var out, complaints bytes.Buffer
	if code := manifest.Convert([]string{"-"}, strings.NewReader(stream), &out, &complaints); code != 0 || complaints.Len() > 0 {
		t.Errorf("exit code %d, says %s", code, &complaints)
	}
	if out.String() != configuration {
		t.Errorf("writes\n%s", &out)
	}
}

func TestConvert_names(t *testing.T) {
	t.Parallel()
	var documents []string
	for _, o := range []string{"a/x", "b/x", "b/x", "a/1.x", "a/é"} {
		namespace, name, _ := strings.Cut(o, "/")
		documents = append(documents, fmt.Sprintf("{apiVersion: v1, kind: Service, metadata: {name: %s, namespace: %s}}", name, namespace))
	}
	var out, complaints bytes.Buffer
	manifest.Convert([]string{"-"}, strings.NewReader(strings.Join(documents, "\n---\n")), &out, &complaints)
	var got []string
	for line := range strings.Lines(out.String()) {
		if label, ok := strings.CutPrefix(line, `resource "lamia_service" "`); ok {
			got = append(got, strings.TrimSuffix(label, "\" {\n"))
		}
	}
	if want := []string{"x", "b_x", "b_x_2", "_1_x", "_"}; !slices.Equal(got, want) {
		t.Errorf("labels %q, want %q\n%s", got, want, &complaints)
	}
}

// Fields that cannot be translated are reported with their lines, and the rest is written.
func TestConvert_problems(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "mesh.yaml")
	if err := os.WriteFile(file, []byte(`---
apiVersion: apps/v1
kind: Deployment
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: a
  finalizers: [x]
spec:
  hosts: [a]
  http:
  - matchs: []
    timeout: 5
  tcp: []
---
kind: Service
apiVersion: v1
metadata: {name: b, labels: {a: 1}}
spec:
  ports:
  - port: "80"
  somethingElse: Local
  sessionAffinity: ClientIP
---
- a
---
a: {
---
kind: Service
apiVersion: v1
metadata:
  name: b
  name: c
---
kind: Service
apiVersion: v1
metadata: {}
---
kind: Service
apiVersion: v1
metadata: {name: right}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, complaints bytes.Buffer
	none := filepath.Join(t.TempDir(), "none")
	if code := manifest.Convert([]string{file, none}, nil, &out, &complaints); code != 1 {
		t.Errorf("exit code %d", code)
	}
	var got []string
	for line := range strings.Lines(complaints.String()) {
		got = append(got, strings.TrimSpace(strings.TrimPrefix(line, file+":")))
	}
	want := []string{
		`3: this provider has no resource for Deployment of "apps/v1". Remove the object, or leave it where it is`,
		`9: metadata.finalizers has no attribute in Terraform`,
		`13: spec.http[0] has no field "matchs" that this provider knows`,
		`14: http[0].timeout holds 5, which is not a string`,
		`19: the value of a must be a string; put it in quotes`,
		`22: ports[0].port holds "80", which is not a whole number`,
		`23: spec has no field "somethingElse" that this provider knows`,
		`26: this is not a Kubernetes object`,
		`28: did not find expected node content`,
		`34: key "name" already set in map`,
		`38: the Service has no metadata.name`,
		"open " + none + ": no such file or directory",
	}
	if !slices.Equal(got, want) {
		t.Errorf("says\n%s", strings.Join(got, "\n"))
	}
	if n := strings.Count(out.String(), "resource"); n != 1 || !strings.Contains(out.String(), `"right"`) {
		t.Errorf("writes\n%s", &out)
	}
}

func TestConvert_usage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"-help"}} {
		var complaints bytes.Buffer
		if code := manifest.Convert(args, nil, nil, &complaints); code != 2 || !strings.HasPrefix(complaints.String(), "usage") {
			t.Errorf("%q: exit code %d, says %s", args, code, &complaints)
		}
	}
}

// The objects of Istio's tests are the same in the generated configuration, and Terraform knows all attributes.
func TestHCL_corpus(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../istio/testdata/corpus.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]any
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	versions := make(map[any]string)
	for _, k := range istio.Kinds() {
		versions[k.Kind] = k.Resource.GroupVersion().String()
	}
	seen := 0
	folder := t.TempDir()
	for i, o := range all {
		document, err := yaml.Marshal(map[string]any{
			"apiVersion": versions[o["kind"]], "kind": o["kind"], "spec": o["spec"],
			"metadata": map[string]any{"name": fmt.Sprint("test-", i), "labels": o["labels"], "annotations": o["annotations"]},
		})
		if err != nil {
			t.Fatal(err)
		}
		objects, problems := manifest.Read(string(document))
		if len(problems) > 0 { // about half are invalid on purpose
			continue
		}
		seen++
		text := manifest.HCL(objects, make(map[string]bool))
		file, diags := hclsyntax.ParseConfig(text, "main.tf", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatalf("%d: %s\n%s", i, diags, text)
		}
		got := make(map[string]any)
		for name, a := range file.Body.(*hclsyntax.Body).Blocks[1].Body.Attributes {
			v, diags := a.Expr.Value(jsonencode)
			if diags.HasErrors() {
				t.Fatalf("%d: %s\n%s", i, diags, text)
			}
			got[name] = plain(v)
		}
		want := map[string]any{"namespace": "default", "name": objects[0].Name}
		for name, m := range map[string]map[string]string{"labels": objects[0].Labels, "annotations": objects[0].Annotations} {
			if len(m) > 0 {
				inner := make(map[string]any)
				for k, v := range m {
					inner[k] = v
				}
				want[name] = inner
			}
		}
		maps.Copy(want, named(objects[0].Kind.Spec, objects[0].Spec))
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%d: got %v\nwant %v", i, got, want)
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprint(i, ".tf")), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if seen < 700 {
		t.Errorf("%d objects only", seen)
	}
	c := source.Read(folder)
	for _, k := range istio.Kinds() {
		for _, b := range c.Blocks("lamia_" + k.Type) {
			for _, l := range b.LostNames(schema(k.Attributes())) {
				t.Errorf("%s: %s in %s is taken for lost", source.Position(l.At), l.Name, l.In)
			}
		}
	}
}

// jsonencode is Terraform's function, which configurations call for fields of any type.
var jsonencode = &hcl.EvalContext{Functions: map[string]function.Function{"jsonencode": stdlib.JSONEncodeFunc}}

func plain(v cty.Value) any {
	switch {
	case v.Type() == cty.String:
		return v.AsString()
	case v.Type() == cty.Bool:
		return v.True()
	case v.Type() == cty.Number:
		return v.AsBigFloat().Text('g', 20)
	case v.Type().IsTupleType():
		list := []any{}
		for _, e := range v.AsValueSlice() {
			list = append(list, plain(e))
		}
		return list
	}
	m := make(map[string]any)
	for k, e := range v.AsValueMap() {
		m[k] = plain(e)
	}
	return m
}

// named returns a tree with the names of attributes, and numbers in the format of plain.
func named(m *spec.Message, tree map[string]any) map[string]any {
	all := make(map[string]any)
	for i := range m.Fields {
		f := &m.Fields[i]
		var rename func(v any, collection spec.Collection) any
		rename = func(v any, collection spec.Collection) any {
			switch v := v.(type) {
			case []any:
				list := []any{}
				for _, e := range v {
					list = append(list, rename(e, spec.One))
				}
				return list
			case map[string]any:
				if collection == spec.One {
					return named(f.Message, v)
				}
				elements := make(map[string]any)
				for k, e := range v {
					elements[k] = rename(e, spec.One)
				}
				return elements
			case int64:
				return new(big.Float).SetInt64(v).Text('g', 20)
			case float64:
				return cty.MustParseNumberVal(strconv.FormatFloat(v, 'g', -1, 64)).AsBigFloat().Text('g', 20)
			}
			return v
		}
		if v, ok := tree[f.JSON]; ok {
			all[f.Name] = rename(v, f.Collection)
		}
	}
	return all
}

func schema(m *spec.Message) tftypes.Object {
	t := types.ObjectType{AttrTypes: make(map[string]attr.Type)}
	for name, a := range m.Attributes() {
		t.AttrTypes[name] = a.GetType()
	}
	return t.TerraformType(context.Background()).(tftypes.Object)
}
