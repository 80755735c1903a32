package virtualcluster_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }

var (
	namespaces   = corev1.SchemeGroupVersion.WithResource("namespaces")
	services     = corev1.SchemeGroupVersion.WithResource("services")
	pods         = corev1.SchemeGroupVersion.WithResource("pods")
	deployments  = appsv1.SchemeGroupVersion.WithResource("deployments")
	statefulSets = appsv1.SchemeGroupVersion.WithResource("statefulsets")
	daemonSets   = appsv1.SchemeGroupVersion.WithResource("daemonsets")
)

func client(t *testing.T) dynamic.Interface {
	t.Helper()
	c, err := dynamic.NewForConfig(acctest.Config(t))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// create creates an object, given as a pointer to one of the API's types.
func create(ctx context.Context, client dynamic.ResourceInterface, object any, options metav1.CreateOptions) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, err
	}
	return client.Create(ctx, &unstructured.Unstructured{Object: content}, options)
}

// must creates an object in a namespace, or fails the test.
func must(t *testing.T, resource schema.GroupVersionResource, namespace string, object any) *unstructured.Unstructured {
	t.Helper()
	made, err := create(t.Context(), client(t).Resource(resource).Namespace(namespace), object, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// namespace creates a namespace with these labels and annotations that is deleted at the end of the test.
func namespace(t *testing.T, labels, annotations map[string]string) string {
	t.Helper()
	made := must(t, namespaces, "", &corev1.Namespace{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: "lamia-test-" + unique(), Labels: labels, Annotations: annotations},
	})
	t.Cleanup(func() {
		if err := client(t).Resource(namespaces).Delete(context.WithoutCancel(t.Context()), made.GetName(), metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	return made.GetName()
}

func unique() string { return strings.ToLower(rand.Text()[:10]) }

// image is already on every node, because every pod needs it.
const image = "registry.k8s.io/pause:3.10"

// deployment returns a Deployment whose pods have these labels.
func deployment(name string, labels map[string]string, replicas int32, ports ...corev1.ContainerPort) *appsv1.Deployment {
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: template(labels, ports...),
		},
	}
}

func template(labels map[string]string, ports ...corev1.ContainerPort) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: image, Ports: ports}}},
	}
}

func newService(name string, labels map[string]string) *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}},
	}
}

// until waits for the effect of a controller.
func until(t *testing.T, what string, happened func() error) {
	t.Helper()
	var last error
	if err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		last = happened()
		return last == nil, nil
	}); err != nil {
		t.Fatalf("%s: %v: %v", what, err, last)
	}
}

// account returns the kubeconfig of a service account with only the Role in the file, once the Role is effective.
func account(t *testing.T, namespace, role string, granted schema.GroupVersionResource) string {
	t.Helper()
	kubeconfig := acctest.Account(t, namespace, role)
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	c, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	until(t, fmt.Sprintf("%s of account %s", granted.Resource, role), func() error {
		_, err := c.Resource(granted).Namespace(namespace).List(t.Context(), metav1.ListOptions{Limit: 1})
		return err
	})
	return kubeconfig
}
