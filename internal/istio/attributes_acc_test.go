package istio_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apischema "k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	object_ "github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// istioKinds returns the kinds whose spec comes from a descriptor, by name.
func istioKinds() map[string]*object_.Kind {
	kinds := make(map[string]*object_.Kind)
	for _, k := range istio.Kinds() {
		if k.Kind != "Service" {
			kinds[k.Kind] = k
		}
	}
	return kinds
}

// Each attribute of the descriptors is in an example that the API server must store unchanged, or among the attributes that istiod rejects with
// any value.
func TestExamples_setEveryAttribute(t *testing.T) {
	t.Parallel()
	for name, k := range istioKinds() {
		tried := make(map[string]bool)
		for _, o := range examples(name, k.Spec) {
			leavesOf(name, k.Spec, o, tried)
		}
		for _, r := range refused {
			if r.kind == name {
				tried[r.leaf] = true
			}
		}
		for _, leaf := range leaves(name, k.Spec) {
			if !tried[leaf] {
				t.Errorf("%s is in no example", leaf)
			}
		}
	}
}

// leaves returns the paths of the attributes of m without nested attributes.
func leaves(path string, m *spec.Message) (paths []string) {
	for _, f := range m.Fields {
		if f.Message != nil {
			paths = append(paths, leaves(path+"."+f.Name, f.Message)...)
		} else {
			paths = append(paths, path+"."+f.Name)
		}
	}
	return paths
}

// The API server stores every attribute as configured, and a refresh leaves the state as configured.
//
// The examples are valid for the API server and for istiod's webhook. An Istio installation with a default revision validates objects in all
// namespaces, whatever their labels, so both validations are the real ones.
func TestAccKinds_everyAttribute(t *testing.T) {
	t.Parallel()
	for name, k := range istioKinds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := acctest.Namespace(t)
			m := known(t, name, k.Spec, crd(t, k))
			var stored []statecheck.StateCheck
			resources := make(map[string]object)
			for i, o := range examples(name, m) {
				label := fmt.Sprint("example-", i)
				resources[label] = maps.Clone(o)
				maps.Copy(resources[label], object{"namespace": namespace, "name": label})
				stored = append(stored, acctest.NewObject(t, k, namespace, label).Stores(toJSON(t, asStored(m, o))))
			}
			directory := configuration(t, k, resources)
			acctest.Test(t, namespace,
				resource.TestStep{ConfigDirectory: directory, ConfigStateChecks: stored},
				resource.TestStep{
					ConfigDirectory: directory, ResourceName: "lamia_" + k.Type + ".example-0", ImportState: true, ImportStateVerify: true,
				},
			)
		})
	}
}

// crd returns the schema of the kind's spec in the cluster.
func crd(t *testing.T, k *object_.Kind) object {
	t.Helper()
	definitions := apischema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	live, err := resources(t, definitions).Get(t.Context(), k.Resource.GroupResource().String(), metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	versions, _, _ := unstructured.NestedSlice(live.Object, "spec", "versions")
	i := slices.IndexFunc(versions, func(v any) bool { return v.(object)["name"] == k.Resource.Version })
	schema, _, _ := unstructured.NestedMap(versions[i].(object), "schema", "openAPIV3Schema", "properties", "spec")
	return schema
}

// known returns m without attributes that the schema lacks, because the cluster's Istio may be older than the provider's.
func known(t *testing.T, path string, m *spec.Message, schema object) *spec.Message {
	t.Helper()
	less := &spec.Message{}
	for _, f := range m.Fields {
		at := path + "." + f.Name
		property, ok, _ := unstructured.NestedMap(schema, "properties", f.JSON)
		if !ok {
			t.Logf("the cluster's Istio does not know %s", at)
			continue
		}
		if f.Message != nil {
			for _, element := range []string{"items", "additionalProperties"} {
				if inner, ok := property[element].(object); ok {
					property = inner
				}
			}
			f.Message = known(t, at, f.Message, property)
		}
		less.Fields = append(less.Fields, f)
	}
	for _, names := range m.OneOfs {
		names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return less.Named(name) == nil })
		less.OneOfs = append(less.OneOfs, names)
	}
	return less
}

// A field that the CRD of an older Istio lacks is an error of plan and apply that names the required version. In a cluster that has the field,
// it is stored.
func TestAccKinds_newerThanCluster(t *testing.T) {
	t.Parallel()
	gateway := istio.Gateway()
	o := acctest.NewObject(t, gateway, acctest.Namespace(t), "test")
	tls := object{"mode": "SIMPLE", "credential_name": "a"}
	configured := func(extra object, dryRun string) string {
		now := maps.Clone(tls)
		maps.Copy(now, extra)
		return acctest.Folder(t, "", map[string]string{"main.tf.json": toJSON(t, object{"provider": object{"lamia": object{"dry_run": dryRun}}, "resource": object{"lamia_gateway": object{"test": object{
			"namespace": o.Namespace, "name": o.Name, "selector": object{"istio": "a"},
			"servers": []any{object{"port": object{"number": 443, "name": "https", "protocol": "HTTPS"}, "hosts": []any{"a.example.com"}, "tls": now}},
		}}}})})
	}
	curves := object{"ecdh_curves": []any{"X25519"}, "alpn_protocols": []any{"h2"}}
	tf := acctest.NewTerraform(t, configured(nil, "auto"), "", nil)
	if known(t, "Gateway", gateway.Spec, crd(t, gateway)).Since("servers[0].tls.ecdhCurves") != "" {
		tf.Configure(configured(curves, "auto"))
		tf.Must("apply", "-auto-approve")
		if err := o.Stores(`{"selector":{"istio":"a"},"servers":[{"port":{"number":443,"name":"https","protocol":"HTTPS"},"hosts":["a.example.com"],
			"tls":{"mode":"SIMPLE","credentialName":"a","ecdhCurves":["X25519"],"alpnProtocols":["h2"]}}]}`)(); err != nil {
			t.Error(err)
		}
		return
	}
	refuses := func(command ...string) {
		t.Helper()
		errors := tf.Run(command...).Errors()
		for _, field := range []string{"ecdhCurves", "alpnProtocols"} {
			if text := errors.String(); len(errors) != 2 || !strings.Contains(text, "needs Istio 1.32") || !strings.Contains(text, "no field spec.servers[0].tls."+field) {
				t.Errorf("%v: the errors are\n%s", command, text)
			}
		}
	}
	tf.Configure(configured(curves, "auto"))
	refuses("plan") // to create the gateway
	tf.Configure(configured(nil, "auto"))
	tf.Must("apply", "-auto-approve")
	before := o.Live()
	tf.Configure(configured(curves, "auto"))
	refuses("plan") // to update it
	tf.Configure(configured(curves, "never"))
	refuses("apply", "-auto-approve")
	if err := o.Untouched(before); err != nil {
		t.Error(err)
	}
	tf.Configure(configured(nil, "auto"))
	tf.Must("destroy", "-auto-approve")
}

// istiod always rejects some attributes.
func TestAccKinds_refusedAttributes(t *testing.T) {
	t.Parallel()
	for _, r := range refused {
		t.Run(r.leaf, func(t *testing.T) {
			t.Parallel()
			namespace := acctest.Namespace(t)
			attributes := maps.Clone(r.attributes)
			maps.Copy(attributes, object{"namespace": namespace, "name": "refused"})
			acctest.Test(t, namespace, resource.TestStep{
				ConfigDirectory: configuration(t, istioKinds()[r.kind], map[string]object{"refused": attributes}),
				ExpectError:     regexp.MustCompile(`(?s)Invalid Istio configuration.*` + r.message),
			})
		})
	}
}

// configuration returns a folder with resources of the kind, by their name.
func configuration(t *testing.T, k *object_.Kind, resources map[string]object) config.TestStepConfigFunc {
	t.Helper()
	return config.StaticDirectory(acctest.Folder(t, "", map[string]string{
		"main.tf.json": toJSON(t, object{"resource": object{"lamia_" + k.Type: resources}}),
	}))
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
