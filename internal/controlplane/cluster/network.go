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
// What listens at the node's and the pods' addresses is where loopback says.
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

// instead is what is added to a load balancer's port below 1024 for a user who may not listen there, as 8080 is used for 80.
const instead = 8000

// lowPorts returns what is added to the ports below 1024 of load balancers on this machine. It fails where there are no addresses but 127.0.0.1.
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

// reserve returns a free address on 127.0.0.1 for a server that cannot be handed a listener. The port is left
// in TIME_WAIT, so that the kernel gives it to no one who does not ask for it by number.
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
