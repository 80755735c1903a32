// Package traffic sends requests through a cluster's gateways, and returns which application has answered. The applications are those of the
// embedded control plane's package echo, in the control plane's pods or as a container.
package traffic

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
)

// timeout limits each request. It is longer than any response takes.
const timeout = 30 * time.Second

// Cluster maps addresses of a cluster to addresses that this machine can reach.
type Cluster struct {
	// Proxies is the version of Envoy in the embedded control plane, or "" if its pods are simulated.
	Proxies string
	// Embedded is true for the embedded control plane.
	Embedded bool

	lowPorts int
}

// Discover reads how addresses are mapped. Only the embedded control plane needs a mapping.
func Discover(ctx context.Context, client dynamic.Interface) (*Cluster, error) {
	public, err := client.Resource(corev1.SchemeGroupVersion.WithResource("configmaps")).Namespace("istio-system").
		Get(ctx, "lamia-controlplane", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return &Cluster{}, nil
	} else if err != nil {
		return nil, err
	}
	data, _, err := unstructured.NestedStringMap(public.Object, "data")
	if err != nil {
		return nil, err
	}
	low, err := strconv.Atoi(data["lowPorts"])
	if err != nil {
		return nil, fmt.Errorf("lowPorts of ConfigMap %s/%s: %w", public.GetNamespace(), public.GetName(), err)
	}
	return &Cluster{Proxies: data["traffic"], Embedded: true, lowPorts: low}, nil
}

// LoadBalancer returns the address of a load balancer's port.
func (c *Cluster) LoadBalancer(address string, port int) string {
	if port < 1024 {
		port += c.lowPorts
	}
	return net.JoinHostPort(address, strconv.Itoa(port))
}

// Pod returns the address of a pod's port in the embedded control plane: its IP with 127 instead of 10. Ports below 1024 are 10000 higher there.
func (c *Cluster) Pod(ip string, port int) string {
	if port < 1024 {
		port += 10000
	}
	return net.JoinHostPort("127."+strings.TrimPrefix(ip, "10."), strconv.Itoa(port))
}

// Answer is the response to a request.
type Answer struct {
	Status  int
	Proto   string
	Headers http.Header          // of the response
	TLS     *tls.ConnectionState // nil without TLS
	Body    string
	// Asked describes the application and the request, if the application answered.
	Asked Asked
}

// Asked is a request as the application has received it.
type Asked struct {
	Pod       string            `json:"pod"`
	Namespace string            `json:"namespace"`
	Labels    map[string]string `json:"labels"`
	Method    string            `json:"method"`
	Host      string            `json:"host"`
	Path      string            `json:"path"`
	Headers   http.Header       `json:"headers"`
	Seen      int               `json:"seen"` // number of requests with the same id
}

// Version returns the version of the application that has answered.
func (a Asked) Version() string { return a.Labels["version"] }

// Client sends requests to one address, whatever their host.
type Client struct {
	Transport interface {
		http.RoundTripper
		CloseIdleConnections()
	}
}

// NewClient returns a client for an address. The TLS configuration can be nil.
func NewClient(at string, config *tls.Config) *Client {
	return &Client{&http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, at)
		},
		TLSClientConfig: config, ForceAttemptHTTP2: config != nil, MaxIdleConnsPerHost: 10,
	}}
}

// Close closes the connections.
func (c *Client) Close() { c.Transport.CloseIdleConnections() }

// Get sends a GET request with these headers, given as names and values in turn.
func (c *Client) Get(ctx context.Context, url string, headers ...string) (*Answer, error) {
	return c.Send(ctx, http.MethodGet, url, headers...)
}

// Send sends a request. It does not follow redirects.
func (c *Client) Send(ctx context.Context, method, url string, headers ...string) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	response, err := c.Transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	a := &Answer{Status: response.StatusCode, Proto: response.Proto, Headers: response.Header, TLS: response.TLS, Body: string(body)}
	if strings.HasPrefix(a.Body, "{") {
		err = json.Unmarshal(body, &a.Asked)
	}
	return a, err
}

// Versions sends n requests and counts the versions that answer. It returns an error for a status other than 200.
func (c *Client) Versions(ctx context.Context, n int, url string, headers ...string) (map[string]int, error) {
	versions := map[string]int{}
	for range n {
		a, err := c.Get(ctx, url, headers...)
		if err != nil {
			return versions, err
		}
		if a.Status != http.StatusOK {
			return versions, fmt.Errorf("%s: status %d: %s", url, a.Status, a.Body)
		}
		versions[a.Asked.Version()]++
	}
	return versions, nil
}
