package relay

import (
	"net/netip"
	"slices"
	"strings"

	xdstype "github.com/cncf/xds/go/xds/type/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

const (
	clusterType  = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	listenerType = "type.googleapis.com/envoy.config.listener.v3.Listener"
	endpointType = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"

	// agent is the cluster by which Istio's agent serves a pod's identity, for mutual TLS between pods. There is no agent.
	agent = "sds-grpc"
)

// translate returns the resource as an Envoy on this machine can take it, or nil when it has no use for it.
func (r *Relay) translate(resource *anypb.Any) (*anypb.Any, error) {
	switch resource.TypeUrl {
	case clusterType:
		return changed(resource, r.cluster)
	case listenerType:
		return changed(resource, r.listener)
	case endpointType:
		return changed(resource, r.endpoints)
	}
	return resource, nil
}

// changed is a resource after a change; one that change does not want is nil.
func changed[T any, M interface {
	*T
	proto.Message
}](resource *anypb.Any, change func(M) (bool, error)) (*anypb.Any, error) {
	message := M(new(T))
	if err := resource.UnmarshalTo(message); err != nil {
		return nil, err
	}
	if wanted, err := change(message); err != nil || !wanted {
		return nil, err
	}
	return anypb.New(message)
}

// listener has the address of the pod, and of its filters those that a plain Envoy knows.
func (r *Relay) listener(l *listenerv3.Listener) (bool, error) {
	at := l.GetAddress().GetSocketAddress()
	if at == nil || r.HTTPProxy != 0 && at.GetPortValue() != uint32(r.HTTPProxy) {
		return false, nil
	}
	r.move(at, r.Pod)
	l.AdditionalAddresses = nil
	l.ListenerFilters = slices.DeleteFunc(l.ListenerFilters, func(f *listenerv3.ListenerFilter) bool { return !known(f.GetTypedConfig()) })
	for _, chain := range append(l.FilterChains, l.DefaultFilterChain) {
		if chain == nil {
			continue
		}
		chain.Filters = slices.DeleteFunc(chain.Filters, func(f *listenerv3.Filter) bool { return !known(f.GetTypedConfig()) })
		for _, filter := range chain.Filters {
			manager := &hcmv3.HttpConnectionManager{}
			if !filter.GetTypedConfig().MessageIs(manager) {
				continue
			}
			config, err := changed(filter.GetTypedConfig(), r.httpFilters)
			if err != nil {
				return false, err
			}
			filter.ConfigType = &listenerv3.Filter_TypedConfig{TypedConfig: config}
		}
	}
	return true, nil
}

func (r *Relay) httpFilters(manager *hcmv3.HttpConnectionManager) (bool, error) {
	manager.HttpFilters = slices.DeleteFunc(manager.HttpFilters, func(f *hcmv3.HttpFilter) bool {
		return f.GetConfigDiscovery() == nil && !known(f.GetTypedConfig())
	})
	return true, nil
}

// cluster has endpoints at their addresses, and no mutual TLS of the mesh: the pods of this machine have no part in it.
func (r *Relay) cluster(c *clusterv3.Cluster) (bool, error) {
	c.Filters = slices.DeleteFunc(c.Filters, func(f *clusterv3.Filter) bool { return !known(f.GetTypedConfig()) })
	c.TransportSocketMatches = slices.DeleteFunc(c.TransportSocketMatches, func(m *clusterv3.Cluster_TransportSocketMatch) bool {
		return ofAgent(m.TransportSocket)
	})
	if ofAgent(c.TransportSocket) {
		c.TransportSocket = nil
	}
	if r.HTTPProxy != 0 && c.GetType() == clusterv3.Cluster_ORIGINAL_DST {
		// The address that a redirected connection would show is told in a header.
		c.LbConfig = &clusterv3.Cluster_OriginalDstLbConfig_{OriginalDstLbConfig: &clusterv3.Cluster_OriginalDstLbConfig{UseHttpHeader: true}}
	}
	if c.LoadAssignment == nil {
		return true, nil
	}
	return r.endpoints(c.LoadAssignment)
}

func (r *Relay) endpoints(a *endpointv3.ClusterLoadAssignment) (bool, error) {
	for _, locality := range a.Endpoints {
		for _, e := range locality.LbEndpoints {
			at := e.GetEndpoint().GetAddress().GetSocketAddress()
			if addr, err := netip.ParseAddr(at.GetAddress()); err == nil {
				r.move(at, addr)
			}
		}
	}
	return true, nil
}

// move makes an address that of the process that stands in for a pod.
func (r *Relay) move(at *corev3.SocketAddress, addr netip.Addr) {
	moved := r.Loopback.Of(netip.AddrPortFrom(addr, uint16(at.GetPortValue())))
	at.Address, at.PortSpecifier = moved.Addr().String(), &corev3.SocketAddress_PortValue{PortValue: uint32(moved.Port())}
}

// known reports whether a plain Envoy has the extension that is configured so. Those of Istio's come by their own types, or as structs that
// name them.
func known(config *anypb.Any) bool {
	url := config.GetTypeUrl()
	typed := &xdstype.TypedStruct{}
	if strings.HasSuffix(url, ".TypedStruct") && proto.Unmarshal(config.GetValue(), typed) == nil { // udpa's has the same fields
		url = typed.GetTypeUrl()
	}
	return strings.HasPrefix(url, "type.googleapis.com/envoy.extensions.")
}

// ofAgent reports whether a transport socket has certificates that only Istio's agent serves.
func ofAgent(socket *corev3.TransportSocket) bool {
	upstream := &tlsv3.UpstreamTlsContext{}
	if socket.GetTypedConfig().UnmarshalTo(upstream) != nil {
		return false
	}
	common := upstream.GetCommonTlsContext()
	secrets := append(slices.Clone(common.GetTlsCertificateSdsSecretConfigs()),
		common.GetCombinedValidationContext().GetValidationContextSdsSecretConfig(), common.GetValidationContextSdsSecretConfig())
	return slices.ContainsFunc(secrets, func(s *tlsv3.SdsSecretConfig) bool {
		return slices.ContainsFunc(s.GetSdsConfig().GetApiConfigSource().GetGrpcServices(), func(g *corev3.GrpcService) bool {
			return g.GetEnvoyGrpc().GetClusterName() == agent
		})
	})
}
