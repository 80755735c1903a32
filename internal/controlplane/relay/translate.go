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

	// agent is the cluster with which Istio's agent provides certificates for mutual TLS between pods. There is no agent here.
	agent = "sds-grpc"
)

// translate returns the resource in a form that Envoy on this machine accepts, or nil if it does not need the resource.
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

// changed returns a resource after a change, or nil if change returns false.
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

// listener moves a listener to the pod's address and removes filters that a plain Envoy does not have.
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

// cluster moves endpoints to their addresses on this machine and removes the mesh's mutual TLS, which pods here do not support.
func (r *Relay) cluster(c *clusterv3.Cluster) (bool, error) {
	c.Filters = slices.DeleteFunc(c.Filters, func(f *clusterv3.Filter) bool { return !known(f.GetTypedConfig()) })
	c.TransportSocketMatches = slices.DeleteFunc(c.TransportSocketMatches, func(m *clusterv3.Cluster_TransportSocketMatch) bool {
		return ofAgent(m.TransportSocket)
	})
	if ofAgent(c.TransportSocket) {
		c.TransportSocket = nil
	}
	if r.HTTPProxy != 0 && c.GetType() == clusterv3.Cluster_ORIGINAL_DST {
		// A header carries the address that a redirected connection would have.
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

// move changes the address of a pod to that of the process that represents it.
func (r *Relay) move(at *corev3.SocketAddress, addr netip.Addr) {
	moved := r.Loopback.Of(netip.AddrPortFrom(addr, uint16(at.GetPortValue())))
	at.Address, at.PortSpecifier = moved.Addr().String(), &corev3.SocketAddress_PortValue{PortValue: uint32(moved.Port())}
}

// known reports whether a plain Envoy has the extension of this configuration. Istio's extensions have types of their own, or are
// configured by structs that name those types.
func known(config *anypb.Any) bool {
	url := config.GetTypeUrl()
	typed := &xdstype.TypedStruct{}
	if strings.HasSuffix(url, ".TypedStruct") && proto.Unmarshal(config.GetValue(), typed) == nil { // udpa.type.v1.TypedStruct has the same fields
		url = typed.GetTypeUrl()
	}
	return strings.HasPrefix(url, "type.googleapis.com/envoy.extensions.")
}

// ofAgent reports whether a transport socket needs certificates that only Istio's agent provides.
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
