package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/utils/ptr"

	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/address"
)

// Forwarder makes load balancers answer: it accepts connections on each port of a Service and forwards them to a ready pod, as the nodes of
// a cluster do.
type Forwarder struct {
	loopback address.Loopback
	lowPorts uint16 // added to ports below 1024
	slices   discoverylisters.EndpointSliceLister

	mu       sync.Mutex
	services map[string]*forwarding // by UID

	leaving sync.Map // addresses of pods that are about to end
}

// NewForwarder returns a Forwarder that runs until ctx ends. The client needs the permissions of kube-proxy.
func NewForwarder(ctx context.Context, client kubernetes.Interface, loopback address.Loopback, lowPorts uint16) *Forwarder {
	factory := informers.NewSharedInformerFactory(client, 0)
	f := &Forwarder{loopback: loopback, lowPorts: lowPorts, services: map[string]*forwarding{}}
	f.slices = factory.Discovery().V1().EndpointSlices().Lister()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	context.AfterFunc(ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		for uid := range f.services {
			f.stop(uid)
		}
	})
	return f
}

// forwarding is the state of one Service.
type forwarding struct {
	service   *corev1.Service
	listeners map[int32]net.Listener // by port of the Service

	mu    sync.Mutex
	conns map[net.Conn]bool // nil once the forwarding has stopped
}

// Forward listens on the address for each TCP port of the Service, and stops listening on ports that the Service no longer has.
func (f *Forwarder) Forward(s *corev1.Service, at netip.Addr) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.services[string(s.UID)]
	if now == nil {
		now = &forwarding{listeners: map[int32]net.Listener{}, conns: map[net.Conn]bool{}}
		f.services[string(s.UID)] = now
	}
	now.mu.Lock()
	now.service = s
	now.mu.Unlock()
	ports := map[int32]bool{}
	var errs []error
	for _, port := range s.Spec.Ports {
		if port.Protocol != corev1.ProtocolTCP {
			continue
		}
		ports[port.Port] = true
		if now.listeners[port.Port] != nil {
			continue
		}
		l, err := net.Listen("tcp", netip.AddrPortFrom(at, f.port(port.Port)).String())
		if err != nil {
			errs = append(errs, fmt.Errorf("port %d: %w", port.Port, err))
			continue
		}
		now.listeners[port.Port] = l
		go f.accept(now, port.Port, l)
	}
	for port, l := range now.listeners {
		if !ports[port] {
			l.Close()
			delete(now.listeners, port)
		}
	}
	return errors.Join(errs...)
}

// Stop closes the listeners and connections of the Service with this UID.
func (f *Forwarder) Stop(uid string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stop(uid)
}

func (f *Forwarder) stop(uid string) {
	now := f.services[uid]
	if now == nil {
		return
	}
	delete(f.services, uid)
	for _, l := range now.listeners {
		l.Close()
	}
	now.mu.Lock()
	defer now.mu.Unlock()
	for c := range now.conns {
		c.Close()
	}
	now.conns = nil
}

// Leaving sets whether the pod with this IP is about to end. New connections avoid such a pod before its EndpointSlices change.
func (f *Forwarder) Leaving(pod netip.Addr, leaving bool) {
	if leaving {
		f.leaving.Store(f.loopback.Addr(pod), nil)
	} else {
		f.leaving.Delete(f.loopback.Addr(pod))
	}
}

// port returns the port on this machine for a port of a Service.
func (f *Forwarder) port(port int32) uint16 {
	if port < 1024 {
		return uint16(port) + f.lowPorts
	}
	return uint16(port)
}

func (f *Forwarder) accept(now *forwarding, port int32, l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		go f.forward(now, port, client)
	}
}

// forward connects a client to a pod. It skips pods that no longer accept connections.
func (f *Forwarder) forward(now *forwarding, port int32, client net.Conn) {
	defer client.Close()
	now.mu.Lock()
	if now.conns == nil {
		now.mu.Unlock()
		return
	}
	now.conns[client] = true
	service := now.service
	now.mu.Unlock()
	defer func() {
		now.mu.Lock()
		defer now.mu.Unlock()
		delete(now.conns, client)
	}()
	for _, at := range f.pods(service, port) {
		pod, err := net.Dial("tcp", at.String())
		if err != nil {
			continue
		}
		defer pod.Close()
		done := make(chan struct{}, 2)
		pass := func(to, from net.Conn) {
			io.Copy(to, from)              //nolint:errcheck // one side is gone
			to.(*net.TCPConn).CloseWrite() //nolint:errcheck // likewise
			done <- struct{}{}
		}
		go pass(pod, client)
		go pass(client, pod)
		<-done
		<-done
		return
	}
	client.(*net.TCPConn).SetLinger(0) //nolint:errcheck // the client sees a reset, as if the connection was refused
}

// pods returns the addresses on this machine of the pods for a port of a Service, in the order to try them: ready pods in random order, then
// terminating pods that still serve.
func (f *Forwarder) pods(s *corev1.Service, port int32) []netip.AddrPort {
	i := slices.IndexFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == port })
	all, err := f.slices.EndpointSlices(s.Namespace).List(labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: s.Name}))
	if err != nil || i < 0 {
		return nil
	}
	var ready, serving []netip.AddrPort
	for _, slice := range all {
		for _, p := range slice.Ports {
			if ptr.Deref(p.Name, "") != s.Spec.Ports[i].Name || p.Port == nil {
				continue
			}
			for _, e := range slice.Endpoints {
				addr, err := netip.ParseAddr(e.Addresses[0])
				if err != nil {
					continue
				}
				at := f.loopback.Of(netip.AddrPortFrom(addr, uint16(*p.Port)))
				switch _, leaving := f.leaving.Load(at.Addr()); {
				case ptr.Deref(e.Conditions.Ready, true) && !leaving:
					ready = append(ready, at)
				case ptr.Deref(e.Conditions.Serving, true):
					serving = append(serving, at)
				}
			}
		}
	}
	rand.Shuffle(len(ready), func(i, j int) { ready[i], ready[j] = ready[j], ready[i] })
	return append(ready, serving...)
}
