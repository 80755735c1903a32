package relay

import (
	"net/netip"
	"testing"

	xdstype "github.com/cncf/xds/go/xds/type/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/address"
)

func relay() *Relay {
	return &Relay{Loopback: address.Loopback{Pods: netip.MustParsePrefix("10.1.2.0/25")}, Pod: netip.MustParseAddr("10.1.2.3")}
}

func packed(t *testing.T, m proto.Message) *anypb.Any {
	t.Helper()
	a, err := anypb.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// translated translates a resource into into, and reports whether it is kept.
func translated[M proto.Message](t *testing.T, r *Relay, given M, into M) bool {
	t.Helper()
	got, err := r.translate(packed(t, given))
	if err != nil {
		t.Fatal(err)
	}
	if got == nil {
		return false
	}
	if err := got.UnmarshalTo(into); err != nil {
		t.Fatal(err)
	}
	return true
}

func at(host string, port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: host, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}}
}

func same(t *testing.T, got, want proto.Message) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
}

// istios returns the configuration of a filter that only Istio's build of Envoy has.
func istios(t *testing.T, url string) *anypb.Any {
	t.Helper()
	return packed(t, &xdstype.TypedStruct{TypeUrl: url})
}

func TestListener(t *testing.T) {
	t.Parallel()
	listener := func(host string, port uint32, filters ...*hcmv3.HttpFilter) *listenerv3.Listener {
		return &listenerv3.Listener{Address: at(host, port), FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
			Name: "http", ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: packed(t, &hcmv3.HttpConnectionManager{HttpFilters: filters})},
		}}}}}
	}
	filter := func(config *anypb.Any) *hcmv3.HttpFilter {
		return &hcmv3.HttpFilter{Name: config.TypeUrl, ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: config}}
	}
	router := filter(packed(t, &routerv3.Router{}))
	known := filter(istios(t, "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"))
	given := listener("0.0.0.0", 80, filter(istios(t, "type.googleapis.com/io.istio.http.peer_metadata.Config")),
		filter(istios(t, "type.googleapis.com/stats.PluginConfig")), known, router)
	given.FilterChains[0].Filters = append(given.FilterChains[0].Filters, &listenerv3.Filter{
		ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: istios(t, "type.googleapis.com/envoy.tcp.metadataexchange.config.MetadataExchange")},
	})
	got := &listenerv3.Listener{}
	if !translated(t, relay(), given, got) {
		t.Fatal("a gateway's listener is removed")
	}
	same(t, got, listener("127.1.2.3", 10080, known, router))

	sidecar := relay()
	sidecar.HTTPProxy = 15080
	if translated(t, sidecar, listener("0.0.0.0", 15001), got) {
		t.Error("a sidecar has a listener that needs redirected connections")
	}
	if !translated(t, sidecar, listener("127.0.0.1", 15080, router), got) {
		t.Error("a sidecar's listener for requests is removed")
	}
	same(t, got, listener("127.1.2.3", 15080, router))
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	assignment := func(addresses ...*corev3.Address) *endpointv3.ClusterLoadAssignment {
		locality := &endpointv3.LocalityLbEndpoints{}
		for _, a := range addresses {
			locality.LbEndpoints = append(locality.LbEndpoints, &endpointv3.LbEndpoint{
				HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: a}},
			})
		}
		return &endpointv3.ClusterLoadAssignment{ClusterName: "c", Endpoints: []*endpointv3.LocalityLbEndpoints{locality}}
	}
	given := assignment(at("10.1.2.9", 9090), at("10.1.2.9", 80), at("192.0.2.1", 80), at("www.example.test", 80))
	want := assignment(at("127.1.2.9", 9090), at("127.1.2.9", 10080), at("192.0.2.1", 80), at("www.example.test", 80))
	got := &endpointv3.ClusterLoadAssignment{}
	translated(t, relay(), given, got)
	same(t, got, want)
	cluster := &clusterv3.Cluster{}
	translated(t, relay(), &clusterv3.Cluster{Name: "c", LoadAssignment: given}, cluster)
	same(t, cluster, &clusterv3.Cluster{Name: "c", LoadAssignment: want})
}

func TestCluster(t *testing.T) {
	t.Parallel()
	socket := func(source *corev3.ConfigSource) *corev3.TransportSocket {
		return &corev3.TransportSocket{Name: "tls", ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: packed(t, &tlsv3.UpstreamTlsContext{
			CommonTlsContext: &tlsv3.CommonTlsContext{TlsCertificateSdsSecretConfigs: []*tlsv3.SdsSecretConfig{{Name: "default", SdsConfig: source}}},
		})}}
	}
	mesh := socket(&corev3.ConfigSource{ConfigSourceSpecifier: &corev3.ConfigSource_ApiConfigSource{ApiConfigSource: &corev3.ApiConfigSource{
		GrpcServices: []*corev3.GrpcService{{TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: "sds-grpc"}}}},
	}}})
	own := socket(&corev3.ConfigSource{ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}}})
	match := func(name string, s *corev3.TransportSocket) *clusterv3.Cluster_TransportSocketMatch {
		return &clusterv3.Cluster_TransportSocketMatch{Name: name, TransportSocket: s}
	}
	plain := match("tlsMode-disabled", &corev3.TransportSocket{Name: "envoy.transport_sockets.raw_buffer"})
	for _, test := range []struct{ given, want *clusterv3.Cluster }{
		{
			&clusterv3.Cluster{TransportSocketMatches: []*clusterv3.Cluster_TransportSocketMatch{match("tlsMode-istio", mesh), plain}},
			&clusterv3.Cluster{TransportSocketMatches: []*clusterv3.Cluster_TransportSocketMatch{plain}},
		},
		{&clusterv3.Cluster{TransportSocket: mesh}, &clusterv3.Cluster{}},
		{&clusterv3.Cluster{TransportSocket: own}, &clusterv3.Cluster{TransportSocket: own}}, // from a destination rule
		{
			&clusterv3.Cluster{Filters: []*clusterv3.Filter{{TypedConfig: istios(t, "type.googleapis.com/envoy.tcp.metadataexchange.config.MetadataExchange")}}},
			&clusterv3.Cluster{},
		},
	} {
		got := &clusterv3.Cluster{}
		translated(t, relay(), test.given, got)
		same(t, got, test.want)
	}

	original := &clusterv3.Cluster{ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_ORIGINAL_DST}}
	sidecar := relay()
	sidecar.HTTPProxy = 15080
	for r, want := range map[*Relay]bool{relay(): false, sidecar: true} {
		got := &clusterv3.Cluster{}
		translated(t, r, original, got)
		if got.GetOriginalDstLbConfig().GetUseHttpHeader() != want {
			t.Errorf("%v", got)
		}
	}
}
