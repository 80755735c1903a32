package acctest

import (
	"fmt"
	"io"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
)

const istioSystem = "istio-system"

// Istiod returns the host and port of istiod's plaintext xDS server. The embedded control plane publishes it. In other clusters, it is port
// 15010 of a pod, which is forwarded until the test ends.
func Istiod(t *testing.T) string {
	t.Helper()
	embedded, err := client(t).Resource(corev1.SchemeGroupVersion.WithResource("configmaps")).Namespace(istioSystem).
		Get(t.Context(), "lamia-controlplane", metav1.GetOptions{})
	if err == nil {
		address, _, _ := unstructured.NestedString(embedded.Object, "data", "xds")
		return address
	} else if !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	pods, err := client(t).Resource(corev1.SchemeGroupVersion.WithResource("pods")).Namespace(istioSystem).
		List(t.Context(), metav1.ListOptions{LabelSelector: "app=istiod", FieldSelector: "status.phase=Running"})
	if err != nil {
		t.Fatal(err)
	}
	if len(pods.Items) == 0 {
		t.Fatalf("no pod of istiod runs in namespace %s", istioSystem)
	}
	return forward(t, istioSystem, pods.Items[0].GetName(), 15010)
}

// forward forwards the pod's port, and returns its address on this machine.
func forward(t *testing.T, namespace, pod string, port int) string {
	t.Helper()
	server, _, err := rest.DefaultServerUrlFor(Config(t))
	if err != nil {
		t.Fatal(err)
	}
	dialer, err := portforward.NewSPDYOverWebsocketDialer(server.JoinPath("api/v1/namespaces", namespace, "pods", pod, "portforward"), Config(t))
	if err != nil {
		t.Fatal(err)
	}
	stop, ready, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	forwarder, err := portforward.NewOnAddresses(dialer, []string{"127.0.0.1"}, []string{fmt.Sprint("0:", port)}, stop, ready, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	go func() { ended <- forwarder.ForwardPorts() }()
	select {
	case err := <-ended:
		t.Fatalf("port %d of pod %s/%s: %v", port, namespace, pod, err)
	case <-ready:
	}
	t.Cleanup(func() {
		close(stop)
		if err := <-ended; err != nil {
			t.Errorf("port %d of pod %s/%s: %v", port, namespace, pod, err)
		}
	})
	ports, err := forwarder.GetPorts()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint("127.0.0.1:", ports[0].Local)
}
