package istio

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/version"
	"sigs.k8s.io/yaml"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// node is the part of a CRD's schema that determines attributes.
type node struct {
	Type                 string          `json:"type"`
	Properties           map[string]node `json:"properties"`
	AdditionalProperties *node           `json:"additionalProperties"`
	Items                *node           `json:"items"`
	Required             []string        `json:"required"`
	Enum                 []string        `json:"enum"`
}

// crds returns the specs in Istio's own CRDs, by kind and version.
func crds(t *testing.T) map[string]map[string]node {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "istio.io/api").Output()
	if err != nil {
		t.Fatalf("go list -m istio.io/api: %v", err)
	}
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "kubernetes", "customresourcedefinitions.gen.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	specs := make(map[string]map[string]node)
	for _, document := range strings.Split(string(data), "\n---\n") {
		var crd struct {
			Spec struct {
				Names    struct{ Kind string }
				Versions []struct {
					Name   string
					Schema struct{ OpenAPIV3Schema node }
				}
			}
		}
		if err := yaml.Unmarshal([]byte(document), &crd); err != nil {
			t.Fatal(err)
		}
		specs[crd.Spec.Names.Kind] = make(map[string]node)
		for _, v := range crd.Spec.Versions {
			specs[crd.Spec.Names.Kind][v.Name] = v.Schema.OpenAPIV3Schema.Properties["spec"]
		}
	}
	return specs
}

// Each kind of Istio is a resource in its most stable version, with exactly the fields of the CRD.
func TestKinds_agreeWithCRDs(t *testing.T) {
	t.Parallel()
	specs := crds(t)
	kinds := Kinds()
	for kind := range specs {
		if !slices.ContainsFunc(kinds, func(k *engine.Kind) bool { return k.Kind == kind }) {
			t.Errorf("%s is no resource", kind)
		}
	}
	for _, k := range kinds {
		if k.Kind == "Service" {
			continue
		}
		t.Run(k.Kind, func(t *testing.T) {
			t.Parallel()
			crd, ok := specs[k.Kind][k.Resource.Version]
			if !ok {
				t.Fatalf("Istio has no CRD for %s %s", k.Kind, k.Resource.Version)
			}
			for v := range specs[k.Kind] {
				if version.CompareKubeAwareVersionStrings(v, k.Resource.Version) > 0 {
					t.Errorf("it has version %s, which is more stable than %s", v, k.Resource.Version)
				}
			}
			compare(t, k.Kind, crd, k.Spec)
		})
	}
}

func compare(t *testing.T, at string, crd node, m *spec.Message) {
	t.Helper()
	properties := maps.Clone(crd.Properties)
	var required []string
	for _, f := range m.Fields {
		field := at + "." + f.JSON
		property, ok := properties[f.JSON]
		if !ok {
			t.Errorf("%s: not in the CRD", field)
			continue
		}
		delete(properties, f.JSON)
		if f.Required {
			required = append(required, f.JSON)
		}
		compareField(t, field, property, f)
	}
	for field, second := range map[string]string{"VirtualService.http[]": "mirror_percent", "RequestAuthentication.jwtRules[]": "jwks_uri"} {
		if at == field {
			delete(properties, second) // another spelling of mirrorPercent or jwksUri in the CRD, which Observe also reads
		}
	}
	for name := range properties {
		t.Errorf("%s.%s: in the CRD only", at, name)
	}
	slices.Sort(required)
	slices.Sort(crd.Required)
	if !slices.Equal(required, crd.Required) {
		t.Errorf("%s: required are %v, in the CRD %v", at, required, crd.Required)
	}
}

func compareField(t *testing.T, at string, crd node, f spec.Field) {
	t.Helper()
	value := &crd
	switch f.Collection {
	case spec.List:
		value, at = crd.Items, at+"[]"
	case spec.Map:
		value, at = crd.AdditionalProperties, at+"{}"
	}
	if value == nil {
		t.Errorf("%s: the CRD has no collection, but %q", at, crd.Type)
		return
	}
	if f.Message != nil {
		if value.Type != "object" {
			t.Errorf("%s: %q in the CRD, an object here", at, value.Type)
		}
		compare(t, at, *value, f.Message)
		return
	}
	want := map[spec.Type]string{spec.BoolType: "boolean", spec.IntegerType: "integer", spec.FloatType: "number"}[f.Scalar.Type]
	if want == "" {
		want = "string"
	}
	if f.Scalar.JSON {
		want = "object"
	}
	if value.Type != want {
		t.Errorf("%s: %q in the CRD, %q here", at, value.Type, want)
	}
	if !slices.Equal(value.Enum, f.Scalar.Values) {
		t.Errorf("%s: enum %v in the CRD, %v here", at, value.Enum, f.Scalar.Values)
	}
}

// Attributes of a resource must have different names: common ones, computed ones, those of the spec, and Terraform's own.
func TestKinds_rootAttributesAreDistinct(t *testing.T) {
	t.Parallel()
	for _, k := range Kinds() {
		seen := map[string]string{}
		add := func(name, owner string) {
			if other, taken := seen[name]; taken {
				t.Errorf("lamia_%s: %q is an attribute of the %s and of the %s", k.Type, name, other, owner)
			}
			seen[name] = owner
		}
		for _, name := range []string{"count", "for_each", "provider", "lifecycle", "depends_on", "connection", "provisioner"} {
			add(name, "Terraform language")
		}
		for _, name := range engine.FrameAttributes() {
			add(name, "frame")
		}
		for _, c := range k.Computed {
			add(c.Name, "kind")
		}
		for _, f := range k.Spec.Fields {
			add(f.Name, "spec")
		}
	}
}

// Every attribute has a description, and every kind a link to its reference.
func TestKinds_everyAttributeIsDescribed(t *testing.T) {
	t.Parallel()
	var walk func(at string, m *spec.Message)
	walk = func(at string, m *spec.Message) {
		for _, f := range m.Fields {
			if strings.TrimSpace(f.Description) == "" {
				t.Errorf("%s.%s has no description", at, f.Name)
			}
			if f.Message != nil {
				walk(fmt.Sprintf("%s.%s", at, f.Name), f.Message)
			}
		}
	}
	for _, k := range Kinds() {
		if !strings.HasPrefix(k.Reference, "https://") {
			t.Errorf("%s has the reference %q", k.Kind, k.Reference)
		}
		walk(k.Kind, k.Spec)
	}
}
