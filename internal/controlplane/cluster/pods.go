package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/echo"
	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/node"
	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/proxy"
)

const (
	// proxyContainer is the container that Istio injects into a pod, or completes in the pod of a gateway.
	proxyContainer = "istio-proxy"
	// httpProxyPort is the port on which a sidecar accepts requests from its application.
	httpProxyPort = 15080
	// maxLogName limits the name of a log file, because a namespace and a pod's name can together exceed the file system's limit.
	maxLogName = 200
	// lameDuck is how long an application that has received requests still answers after its pod is to end, until all proxies know about it.
	lameDuck = time.Second
)

// workload returns what runs in a pod: Envoy in the pod of a gateway, and the echo application in any other.
func (c *Cluster) workload(pod *corev1.Pod, ip netip.Addr) node.Workload {
	name := fmt.Sprintf("pod-%s-%s", pod.Namespace, pod.Name)
	log := filepath.Join(c.Logs, name[:min(len(name), maxLogName)]+".log")
	if slices.ContainsFunc(pod.Spec.Containers, isGateway) {
		return gateway{c.proxy(pod, ip, log), c.ca}
	}
	a := &application{cluster: c, pod: pod, ip: ip, log: log}
	for _, container := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if container.Name == proxyContainer {
			a.sidecar = c.proxy(pod, ip, log)
			a.sidecar.HTTPProxy = httpProxyPort
			continue
		}
		for _, port := range container.Ports {
			if port.Protocol != corev1.ProtocolUDP && port.Protocol != corev1.ProtocolSCTP && !slices.Contains(a.ports, uint16(port.ContainerPort)) {
				a.ports = append(a.ports, uint16(port.ContainerPort))
			}
		}
	}
	return a
}

func isGateway(c corev1.Container) bool {
	return c.Name == proxyContainer && slices.Contains(c.Args, "router")
}

func (c *Cluster) proxy(pod *corev1.Pod, ip netip.Addr, log string) *proxy.Proxy {
	return &proxy.Proxy{
		Envoy: c.Envoy, Istiod: c.secureXDS, Loopback: c.network.loopback, Pod: ip, Log: log,
		Socket: filepath.Join(c.dir, fmt.Sprintf("xds-%d.sock", c.proxies.Add(1))), // the path of a socket must be short
		Node: proxy.Node{
			Name: pod.Name, Namespace: pod.Namespace, ServiceAccount: pod.Spec.ServiceAccountName, Labels: pod.Labels, IstioVersion: istioVersion,
		},
	}
}

// gateway is the workload of a gateway's pod.
type gateway struct {
	*proxy.Proxy
	ca *authority
}

func (g gateway) Run(ctx context.Context, stop <-chan struct{}, ready func(), event func(reason, message string)) (err error) {
	if g.TLS, err = g.ca.workload(g.Node.Namespace, g.Node.ServiceAccount); err != nil {
		return err
	}
	return g.Proxy.Run(ctx, stop, ready, event)
}

// application is the workload of a pod that is not a gateway.
type application struct {
	cluster *Cluster
	pod     *corev1.Pod
	ip      netip.Addr
	ports   []uint16
	log     string
	sidecar *proxy.Proxy // nil if the pod is not in the mesh

	mu     sync.Mutex
	calls  *http.Transport // through the sidecar; nil if it does not run
	asked  atomic.Bool
	ctx    context.Context // of the sidecar
	events func(reason, message string)
}

func (a *application) Run(ctx context.Context, stop <-chan struct{}, ready func(), event func(reason, message string)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a.ctx, a.events = ctx, event
	file, err := os.OpenFile(a.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	var listeners []net.Listener
	for _, port := range a.ports {
		l, err := net.Listen("tcp", a.cluster.network.loopback.Of(netip.AddrPortFrom(a.ip, port)).String())
		if err != nil {
			return err
		}
		defer l.Close()
		listeners = append(listeners, l)
	}
	logger := log.New(file, "", log.LstdFlags|log.Lmicroseconds)
	app := &echo.App{Pod: a.pod.Name, Namespace: a.pod.Namespace, Labels: a.pod.Labels, Logf: func(format string, args ...any) {
		a.asked.Store(true)
		logger.Printf(format, args...)
	}}
	if a.sidecar != nil {
		app.Call = a.call
	}
	serving, finish := context.WithCancel(ctx)
	defer finish()
	served := make(chan error, 1)
	go func() { served <- app.Serve(serving, lameDuck, listeners...) }()
	ready()
	select {
	case err := <-served:
		return errors.Join(errors.New("the application ended"), err)
	case <-ctx.Done():
	case <-stop:
		if a.asked.Load() {
			select {
			case <-ctx.Done():
			case <-time.After(lameDuck):
			}
		}
	}
	finish()
	return <-served
}

// call sends a request through the pod's sidecar. If at is not "", the sidecar handles it like a redirected connection to that address.
func (a *application) call(r *http.Request, at string) (*http.Response, error) {
	transport, err := a.startSidecar(r.Context())
	if err != nil {
		return nil, err
	}
	if at != "" {
		r.Header.Set("X-Envoy-Original-Dst-Host", at)
	}
	return transport.RoundTrip(r)
}

// startSidecar starts the pod's sidecar if it does not run yet. It runs from the first call on.
func (a *application) startSidecar(ctx context.Context) (*http.Transport, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.calls != nil {
		return a.calls, nil
	}
	var err error
	if a.sidecar.TLS, err = a.cluster.ca.workload(a.sidecar.Node.Namespace, a.sidecar.Node.ServiceAccount); err != nil {
		return nil, err
	}
	up, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- a.sidecar.Run(a.ctx, nil, func() { close(up) }, a.events)
		a.mu.Lock()
		defer a.mu.Unlock()
		a.calls = nil // the next call starts it again
	}()
	select {
	case <-up:
	case err := <-ended:
		return nil, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	through := &url.URL{Scheme: "http", Host: netip.AddrPortFrom(a.cluster.network.loopback.Addr(a.ip), httpProxyPort).String()}
	a.calls = &http.Transport{Proxy: http.ProxyURL(through), DisableKeepAlives: true}
	return a.calls, nil
}

// workload returns a client's TLS configuration for istiod, with the identity of a pod's service account.
func (a *authority) workload(namespace, account string) (*tls.Config, error) {
	certificate, err := a.spiffe(&url.URL{Scheme: "spiffe", Host: "cluster.local", Path: "/ns/" + namespace + "/sa/" + account})
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{*certificate}, RootCAs: a.pool(), ServerName: "istiod.istio-system.svc"}, nil
}
