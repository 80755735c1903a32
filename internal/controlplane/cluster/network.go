package cluster

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/address"
)

// serviceNetwork is where Services get their cluster IP from. No port is so low that pods would share it.
var serviceNetwork = netip.MustParsePrefix("10.0.0.0/16")

// network is the addresses of one control plane. Two control planes on one machine have different addresses,
// without having to agree, because they follow from the API server's port p: the node and its pods are in
// 10.<p/256>.<p%256>.0/25, load balancers in 127.<p/256>.<p%256>.128/25.
//
// A pod's IP may not be a loopback address (no EndpointSlice would hold it), so nothing answers at it. The
// same address with 127 in place of 10 is free for a process that stands in for the pod.
type network struct {
	node          netip.Addr
	pods          *address.Pool
	loadBalancers *address.Pool
}

func newNetwork(port int) network {
	at := func(first, last int) netip.Addr {
		return netip.AddrFrom4([4]byte{byte(first), byte(port / 256), byte(port % 256), byte(last)})
	}
	return network{
		node:          at(10, 1),
		pods:          address.NewPool(at(10, 2), at(10, 127)),
		loadBalancers: address.NewPool(at(127, 128), at(127, 254)),
	}
}

// reserve returns a free address on 127.0.0.1 for a server that cannot be handed a listener. The port is left
// in TIME_WAIT, so that the kernel gives it to nobody who does not ask for it by number.
func reserve() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return "", fmt.Errorf("reserving %s: %w", l.Addr(), err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		return "", fmt.Errorf("reserving %s: %w", l.Addr(), err)
	}
	return l.Addr().String(), server.Close() // the side that closes first keeps the port in TIME_WAIT
}
