package proxy

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/address"
	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/relay"
)

const (
	adminPort  = 15000 // as in pods of Istio
	healthPort = 15021 // likewise
	// drainTime is how long a proxy that is about to end waits for clients to disconnect. It is the default of Istio's agent.
	drainTime = 5 * time.Second
	// interval is the time between two checks while Envoy starts or drains.
	interval = 50 * time.Millisecond
)

// Proxy is the proxy of one pod.
type Proxy struct {
	Envoy    string // path of the binary
	Istiod   string // host:port of istiod's TLS port
	TLS      *tls.Config
	Loopback address.Loopback
	Socket   string // path of the socket between Envoy and the relay
	Log      string // path of Envoy's log
	Node     Node
	Pod      netip.Addr
	// HTTPProxy is the port on which a sidecar accepts requests as an HTTP proxy. 0 makes the proxy that of a gateway.
	HTTPProxy uint16
}

// Node identifies the proxy to istiod.
type Node struct {
	Name, Namespace, ServiceAccount string
	Labels                          map[string]string
	IstioVersion                    string
}

// at returns the address on this machine for a port of the pod.
func (p *Proxy) at(port uint16) string {
	return p.Loopback.Of(netip.AddrPortFrom(p.Pod, port)).String()
}

// Run runs the proxy until it fails, until stop is closed and its clients have disconnected, or until ctx ends. It calls ready once the proxy
// is ready, and event with what users should know.
func (p *Proxy) Run(ctx context.Context, stop <-chan struct{}, ready func(), event func(reason, message string)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	os.Remove(p.Socket) // from an earlier run
	socket, err := net.Listen("unix", p.Socket)
	if err != nil {
		return err
	}
	r := &relay.Relay{
		Istiod: p.Istiod, TLS: p.TLS, Loopback: p.Loopback, Pod: p.Pod, HTTPProxy: p.HTTPProxy,
		Rejected: func(why string) { event("Rejected", why) },
	}
	var healthy atomic.Bool
	var serving sync.WaitGroup
	defer serving.Wait()
	defer cancel()
	served := make(chan error, 2)
	serving.Go(func() { served <- r.Serve(ctx, socket) })
	if p.HTTPProxy == 0 {
		serving.Go(func() { served <- p.health(ctx, &healthy) })
	}

	bootstrap, err := json.Marshal(p.bootstrap())
	if err != nil {
		return err
	}
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(p.Envoy, "--config-yaml", string(bootstrap), "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning",
		"--drain-time-s", fmt.Sprint(drainTime.Seconds()), "--drain-strategy", "immediate")
	cmd.Stdout, cmd.Stderr = log, log
	if err := start(cmd); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait() //nolint:errcheck // the process state has the result
	}()
	defer cmd.Process.Kill() //nolint:errcheck // it may have already ended
	kill := func() error {
		cmd.Process.Kill() //nolint:errcheck // it may have already ended
		<-ended
		return nil
	}

	up := make(chan struct{})
	go func() {
		if p.poll(ctx, func() error { return p.ready(ctx, r) }) == nil {
			close(up)
		}
	}()
	for {
		select {
		case err := <-served:
			kill() //nolint:errcheck // always nil
			return err
		case <-ended:
			return fmt.Errorf("the proxy ended: %v; see its log %s", cmd.ProcessState, filepath.Base(p.Log))
		case <-ctx.Done():
			return kill()
		case <-stop:
			healthy.Store(false)
			p.drain(ctx)
			return kill()
		case <-up:
			up = nil
			healthy.Store(true)
			ready()
		}
	}
}

// health serves the readiness probe of a gateway's pod, as Istio's agent does.
func (p *Proxy) health(ctx context.Context, healthy *atomic.Bool) error {
	l, err := net.Listen("tcp", p.at(healthPort))
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/healthz/ready":
			http.NotFound(w, r)
		case !healthy.Load():
			http.Error(w, "the proxy is not ready", http.StatusServiceUnavailable)
		}
	})}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	return server.Serve(l)
}

type object = map[string]any

// bootstrap returns Envoy's bootstrap configuration: its node, and the relay as the source of everything else.
func (p *Proxy) bootstrap() object {
	kind, metadata := "router", object{
		"NAME": p.Node.Name, "NAMESPACE": p.Node.Namespace, "SERVICE_ACCOUNT": p.Node.ServiceAccount, "LABELS": p.Node.Labels,
		"CLUSTER_ID": "Kubernetes", "ISTIO_VERSION": p.Node.IstioVersion, "INSTANCE_IPS": p.Pod.String(),
	}
	if p.HTTPProxy != 0 {
		kind, metadata["HTTP_PROXY_PORT"] = "sidecar", fmt.Sprint(p.HTTPProxy)
	}
	admin := netip.AddrPortFrom(p.Loopback.Addr(p.Pod), adminPort)
	ads := object{"ads": object{}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"}
	return object{
		"node": object{
			"id":       fmt.Sprintf("%s~%s~%s.%s~%[4]s.svc.cluster.local", kind, p.Pod, p.Node.Name, p.Node.Namespace),
			"cluster":  p.Node.Labels["app"] + "." + p.Node.Namespace,
			"metadata": metadata,
		},
		"admin": object{"address": object{"socket_address": object{"address": admin.Addr().String(), "port_value": admin.Port()}}},
		"dynamic_resources": object{
			"ads_config": object{
				"api_type": "GRPC", "transport_api_version": "V3", "set_node_on_first_message_only": true,
				"grpc_services": []object{{"envoy_grpc": object{"cluster_name": "relay"}}},
			},
			"cds_config": ads, "lds_config": ads,
		},
		"static_resources": object{"clusters": []object{{
			"name": "relay", "type": "STATIC",
			"typed_extension_protocol_options": object{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": object{
				"@type":                "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
				"explicit_http_config": object{"http2_protocol_options": object{}},
			}},
			"load_assignment": object{"cluster_name": "relay", "endpoints": []object{{"lb_endpoints": []object{{
				"endpoint": object{"address": object{"pipe": object{"path": p.Socket}}},
			}}}}},
		}}},
	}
}
