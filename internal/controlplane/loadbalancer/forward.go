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

// Forwarder makes load balancers answer: at each port of a Service it takes connections and passes them on to a ready pod, as the nodes of a
// cluster do.
type Forwarder struct {
	loopback address.Loopback
	lowPorts uint16 // is added to ports below 1024
	slices   discoverylisters.EndpointSliceLister

	mu       sync.Mutex
	services map[string]*forwarding // by UID

	leaving sync.Map // addresses of pods that are about to end
}

// NewForwarder needs the permissions of kube-proxy. It forwards until ctx ends.
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

// forwarding is what is done for one Service.
type forwarding struct {
	service   *corev1.Service
	listeners map[int32]net.Listener // by port of the Service

	mu    sync.Mutex
	conns map[net.Conn]bool // nil once it has stopped
}

// Forward takes connections at the address for each port of the Service, and no other.
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

// Stop ends what is done for the Service with this UID.
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

// Leaving tells whether the pod at an address is about to end, so that no one is sent there. The EndpointSlices say so a moment later.
func (f *Forwarder) Leaving(pod netip.Addr, leaving bool) {
	if leaving {
		f.leaving.Store(f.loopback.Addr(pod), nil)
	} else {
		f.leaving.Delete(f.loopback.Addr(pod))
	}
}

// port is where a port of a Service is on this machine.
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

// forward connects a client to a pod. One that does not answer any more is passed over.
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
			io.Copy(to, from)              //nolint:errcheck // one of them has gone
			to.(*net.TCPConn).CloseWrite() //nolint:errcheck // likewise
			done <- struct{}{}
		}
		go pass(pod, client)
		go pass(client, pod)
		<-done
		<-done
		return
	}
	client.(*net.TCPConn).SetLinger(0) //nolint:errcheck // it is refused rather than ended
}

// pods are where the pods for a port of a Service listen on this machine, in the order in which to try them: those that are ready, in any
// order, before those that still serve while they end.
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
