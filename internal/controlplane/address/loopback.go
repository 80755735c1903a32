package address

import "net/netip"

// Loopback is where on this machine the addresses of a cluster are.
//
// A pod's IP may not be a loopback address (no EndpointSlice would hold it), so nothing can listen at it. What stands in for the pod
// listens at the same address with 127 instead of 10.
type Loopback struct {
	Pods netip.Prefix // where pods get their IP from
}

// lowPorts is added to the ports of pods that only root may listen at on many systems.
const lowPorts = 10000

// Of is where the process listens that stands in for a pod's address and port. What is not a pod's is as it was.
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

// Addr is where the process listens that stands in for a pod's address.
func (l Loopback) Addr(a netip.Addr) netip.Addr {
	if !l.Pods.Contains(a) {
		return a
	}
	b := a.As4()
	b[0] = 127
	return netip.AddrFrom4(b)
}
