package acctest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/terraform"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apischema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

// SomeoneElse is the field manager of changes outside of Terraform.
const SomeoneElse = "someone-else"

var connect = sync.OnceValues(func() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv(kubeconfigEnv))
	if err == nil {
		config.QPS = -1
		config.WarningHandler = rest.NoWarnings{}
	}
	return config, err
})

// Config returns the connection to the cluster under test. It skips the test unless TF_ACC is set.
func Config(t *testing.T) *rest.Config {
	t.Helper()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("acceptance tests run when TF_ACC is set: make test")
	}
	if os.Getenv(kubeconfigEnv) == "" {
		t.Fatalf("%s is not set: give it the kubeconfig of a cluster with Istio that tests may write to, or run make test, which brings its own", kubeconfigEnv)
	}
	config, err := connect()
	if err != nil {
		t.Fatalf("%s: %v", kubeconfigEnv, err)
	}
	return config
}

func client(t *testing.T) dynamic.Interface {
	t.Helper()
	c, err := dynamic.NewForConfig(Config(t))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Namespace creates a namespace that is deleted at the end of the test.
func Namespace(t *testing.T) string {
	t.Helper()
	namespaces := client(t).Resource(corev1.SchemeGroupVersion.WithResource("namespaces"))
	namespace := &unstructured.Unstructured{}
	namespace.SetAPIVersion("v1")
	namespace.SetKind("Namespace")
	namespace.SetGenerateName("lamia-test-")
	namespace, err := namespaces.Create(t.Context(), namespace, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := namespaces.Delete(context.WithoutCancel(t.Context()), namespace.GetName(), metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	return namespace.GetName()
}

// empty checks that Terraform left no object in the namespace.
func empty(t *testing.T, namespace string) func(*terraform.State) error {
	return func(*terraform.State) error {
		for kind, resource := range resources() {
			list, err := client(t).Resource(resource).Namespace(namespace).List(t.Context(), metav1.ListOptions{})
			if err != nil {
				return err
			}
			for _, live := range list.Items {
				if madeBy(&live, engine.Manager) {
					return fmt.Errorf("%s %s/%s is left behind", kind, namespace, live.GetName())
				}
			}
		}
		return nil
	}
}

// resources returns all kinds of objects that the provider creates, including companions.
func resources() map[string]apischema.GroupVersionResource {
	all := make(map[string]apischema.GroupVersionResource)
	for _, k := range istio.Kinds() {
		all[k.Kind] = k.Resource
		if k.Companions != nil {
			maps.Copy(all, k.Companions.Resources)
		}
	}
	return all
}

func madeBy(live *unstructured.Unstructured, manager string) bool {
	return slices.ContainsFunc(live.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool { return e.Manager == manager })
}

// Kind returns the kind with this name.
func Kind(t *testing.T, name string) *engine.Kind {
	t.Helper()
	for _, k := range istio.Kinds() {
		if k.Kind == name {
			return k
		}
	}
	t.Fatalf("there is no kind %s", name)
	return nil
}

// Object is an object of the cluster, whether it exists or not. Its methods fail the test if a request fails.
type Object struct {
	Kind      *engine.Kind
	Namespace string
	Name      string

	t *testing.T
	c dynamic.ResourceInterface
}

// NewObject returns the object with this kind, namespace and name. It sends no request.
func NewObject(t *testing.T, k *engine.Kind, namespace, name string) *Object {
	t.Helper()
	return &Object{Kind: k, Namespace: namespace, Name: name, t: t, c: client(t).Resource(k.Resource).Namespace(namespace)}
}

func (o *Object) String() string { return fmt.Sprintf("%s %s/%s", o.Kind.Kind, o.Namespace, o.Name) }

// Live returns the stored object.
func (o *Object) Live() *unstructured.Unstructured {
	o.t.Helper()
	live, err := o.c.Get(o.t.Context(), o.Name, metav1.GetOptions{})
	if err != nil {
		o.t.Fatal(err)
	}
	return live
}

// Exists reports whether the object exists.
func (o *Object) Exists() bool {
	o.t.Helper()
	_, err := o.c.Get(o.t.Context(), o.Name, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		o.t.Fatal(err)
	}
	return err == nil
}

// Create creates the object with this spec, given as JSON, and these labels, as [SomeoneElse]. It is deleted with its namespace.
func (o *Object) Create(spec string, labels map[string]string) *unstructured.Unstructured {
	o.t.Helper()
	made, err := o.create(spec, labels)
	if err != nil {
		o.t.Fatal(err)
	}
	return made
}

// Try creates the object with this spec, given as JSON, in a dry run, and returns the error.
func (o *Object) Try(spec string) error {
	o.t.Helper()
	_, err := o.create(spec, nil, metav1.DryRunAll)
	return err
}

func (o *Object) create(spec string, labels map[string]string, dryRun ...string) (*unstructured.Unstructured, error) {
	o.t.Helper()
	made := &unstructured.Unstructured{Object: map[string]any{"spec": parse(o.t, spec)}}
	made.SetGroupVersionKind(o.Kind.Resource.GroupVersion().WithKind(o.Kind.Kind))
	made.SetName(o.Name)
	made.SetLabels(labels)
	return o.c.Create(o.t.Context(), made, metav1.CreateOptions{FieldManager: SomeoneElse, DryRun: dryRun})
}

// CreateFile is like Create with a spec in a YAML file.
func (o *Object) CreateFile(file string, labels map[string]string) *unstructured.Unstructured {
	o.t.Helper()
	return o.Create(o.read(file), labels)
}

// read returns a YAML file as JSON.
func (o *Object) read(file string) string {
	o.t.Helper()
	data, err := os.ReadFile(file)
	if err == nil {
		data, err = yaml.YAMLToJSON(data)
	}
	if err != nil {
		o.t.Fatalf("%s: %v", file, err)
	}
	return string(data)
}

// Patch writes a JSON merge patch to the object, as [SomeoneElse].
func (o *Object) Patch(patch string) *unstructured.Unstructured {
	o.t.Helper()
	live, err := o.c.Patch(o.t.Context(), o.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: SomeoneElse})
	if err != nil {
		o.t.Fatal(err)
	}
	return live
}

// Delete deletes the object.
func (o *Object) Delete() {
	o.t.Helper()
	if err := o.c.Delete(o.t.Context(), o.Name, metav1.DeleteOptions{}); err != nil {
		o.t.Fatal(err)
	}
}

// Spec returns the stored spec, without the values that the API server chooses for a Service.
func (o *Object) Spec() map[string]any {
	o.t.Helper()
	spec, _, err := unstructured.NestedMap(o.Live().Object, "spec")
	if err != nil {
		o.t.Fatal(err)
	}
	if o.Kind.Kind != "Service" {
		return spec
	}
	for _, name := range []string{"clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort"} {
		delete(spec, name)
	}
	for name, filled := range map[string]any{
		"internalTrafficPolicy": "Cluster", "externalTrafficPolicy": "Cluster", "sessionAffinity": "None", "allocateLoadBalancerNodePorts": true,
	} {
		if spec[name] == filled {
			delete(spec, name)
		}
	}
	if spec["clusterIP"] != corev1.ClusterIPNone {
		delete(spec, "clusterIP")
	}
	ports, _ := spec["ports"].([]any)
	for _, port := range ports {
		delete(port.(map[string]any), "nodePort")
	}
	return spec
}

// parse reads JSON as client-go's dynamic client does.
func parse(t *testing.T, data string) (object map[string]any) {
	t.Helper()
	if err := utiljson.Unmarshal([]byte(data), &object); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return object
}

func indent(v any) string {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(data)
}
