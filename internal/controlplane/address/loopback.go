package address

import "net/netip"

// Loopback maps the addresses of a cluster's pods to addresses of this machine.
//
// Kubernetes allows no loopback address as a pod's IP (an EndpointSlice would be rejected), so no process can listen on a pod's IP. The
// process that represents the pod listens on the same address with 127 instead of 10.
type Loopback struct {
	Pods netip.Prefix // the range of pod IPs
}

// lowPorts is added to pod ports below 1024, on which only root can listen on many systems.
const lowPorts = 10000

// Of returns where the process that represents a pod listens for the pod's address and port. Other addresses are returned unchanged.
func (l Loopback) Of(a netip.AddrPort) netip.AddrPort {
	if !l.Pods.Contains(a.Addr()) {
		return a
	}
	port := a.Port()
	if port < 1024 {
		port += lowPorts
	}
	return netip.AddrPortFrom(l.Addr(a.Addr()), port)
}

// Addr returns the address on which the process that represents a pod listens. Other addresses are returned unchanged.
func (l Loopback) Addr(a netip.Addr) netip.Addr {
	if !l.Pods.Contains(a) {
		return a
	}
	b := a.As4()
	b[0] = 127
	return netip.AddrFrom4(b)
}
