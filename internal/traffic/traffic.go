// Package traffic sends requests through a cluster's gateways, and says who answered: the applications are those of the embedded control
// plane's package echo, in the control plane's pods or as a container.
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

// timeout is longer than any answer takes.
const timeout = 30 * time.Second

// Cluster maps addresses of a cluster to addresses that this machine reaches.
type Cluster struct {
	// Proxies is the version of Envoy in the embedded control plane, "" if its pods are simulated.
	Proxies string
	// Embedded reports whether it is the embedded control plane.
	Embedded bool

	lowPorts int
}

// Discover asks the cluster. Only the embedded control plane needs a mapping.
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

// Pod returns the address of a pod's port in the embedded control plane: its IP, with 127 instead of 10. Ports below 1024 are 10000 higher there.
func (c *Cluster) Pod(ip string, port int) string {
	if port < 1024 {
		port += 10000
	}
	return net.JoinHostPort("127."+strings.TrimPrefix(ip, "10."), strconv.Itoa(port))
}

// Answer is the answer to a request.
type Answer struct {
	Status  int
	Proto   string
	Headers http.Header          // of the answer
	TLS     *tls.ConnectionState // nil without TLS
	Body    string
	// Asked describes the application and the request, if the application answered.
	Asked Asked
}

// Asked is a request as an application got it.
type Asked struct {
	Pod       string            `json:"pod"`
	Namespace string            `json:"namespace"`
	Labels    map[string]string `json:"labels"`
	Method    string            `json:"method"`
	Host      string            `json:"host"`
	Path      string            `json:"path"`
	Headers   http.Header       `json:"headers"`
	Seen      int               `json:"seen"` // how many requests with the id of this one
}

// Version is the version of the application that was asked.
func (a Asked) Version() string { return a.Labels["version"] }

// Client sends requests to one address, whatever their host.
type Client struct {
	Transport interface {
		http.RoundTripper
		CloseIdleConnections()
	}
}

// NewClient connects to an address; the TLS configuration may be nil.
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

// Get gets a URL with these headers, names and values in turn.
func (c *Client) Get(ctx context.Context, url string, headers ...string) (*Answer, error) {
	return c.Send(ctx, http.MethodGet, url, headers...)
}

// Send sends a request. A redirect is not followed.
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

// Versions counts the versions that answer n requests. Another status than 200 is an error.
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
