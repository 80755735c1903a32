package kube

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Acceptance tests run against a real API server. The servers here do what it cannot be made to do on demand.

var vs1 = Object{
	Resource:  schema.GroupVersionResource{Group: "networking.istio.io", Version: "v1", Resource: "virtualservices"},
	Kind:      "VirtualService",
	Namespace: "vamp-test1",
	Name:      "vs-1",
}

// serve starts a TLS server with the certificate and returns a configuration that trusts it.
func serve(t *testing.T, c certificate, handler http.HandlerFunc) (*httptest.Server, Config) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{c.pair(t)}}
	server.Config.ErrorLog = discard // some tests reject handshakes
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, Config{Host: server.URL, ClusterCACertificate: c.pem}
}

func newCluster(t *testing.T, config Config) *Cluster {
	t.Helper()
	cluster, err := New(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	return cluster
}

func (c *Cluster) getVS1(ctx context.Context) error {
	_, err := c.Dynamic.Resource(vs1.Resource).Namespace(vs1.Namespace).Get(ctx, vs1.Name, metav1.GetOptions{})
	return err
}

func (c *Cluster) createVS1(ctx context.Context) error {
	_, err := c.Dynamic.Resource(vs1.Resource).Namespace(vs1.Namespace).Create(ctx, newVS1(), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	return err
}

func newVS1() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
		"metadata": map[string]any{"namespace": vs1.Namespace, "name": vs1.Name},
	}}
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

func answerVS1(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, newVS1()) }

func answerStatus(w http.ResponseWriter, err *apierrors.StatusError) {
	status := err.Status()
	status.APIVersion, status.Kind = "v1", "Status"
	answer(w, int(status.Code), status)
}
