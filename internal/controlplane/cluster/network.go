package cluster

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/address"
)

// serviceNetwork is the range of cluster IPs. Pods never get an IP from it, because no API server has a port below 256.
var serviceNetwork = netip.MustParsePrefix("10.0.0.0/16")

// network holds the addresses of one control plane. They follow from the API server's port p, so that two control planes on one machine
// never share an address: the node and its pods use 10.<p/256>.<p%256>.0/25, and load balancers use 127.<p/256>.<p%256>.128/25.
//
// The processes that represent the node and the pods listen on the addresses that loopback maps to.
type network struct {
	node          netip.Addr
	pods          *address.Pool
	loadBalancers *address.Pool
	loopback      address.Loopback
}

func newNetwork(port int) network {
	at := func(first, last int) netip.Addr {
		return netip.AddrFrom4([4]byte{byte(first), byte(port / 256), byte(port % 256), byte(last)})
	}
	return network{
		node:          at(10, 1),
		pods:          address.NewPool(at(10, 2), at(10, 127)),
		loadBalancers: address.NewPool(at(127, 128), at(127, 254)),
		loopback:      address.Loopback{Pods: netip.PrefixFrom(at(10, 0), 25)},
	}
}

// instead is added to ports of load balancers below 1024 if the user cannot listen on them, as 8080 is commonly used instead of 80.
const instead = 8000

// lowPorts returns the number to add to ports of load balancers below 1024 on this machine. It fails if 127.0.0.1 is the only loopback address.
func (n network) lowPorts() (uint16, error) {
	at := n.loopback.Addr(n.node)
	for _, try := range []struct{ port, add uint16 }{{80, 0}, {0, instead}} {
		l, err := net.Listen("tcp", netip.AddrPortFrom(at, try.port).String())
		if err == nil {
			return try.add, l.Close()
		} else if try.add != 0 {
			return 0, fmt.Errorf("this machine has no address %s: %w", at, err)
		}
	}
	panic("unreachable")
}

// reserve returns a free address on 127.0.0.1 for a server that accepts no listener. It leaves the port in TIME_WAIT, so that the kernel does
// not assign it to others that listen on port 0.
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
