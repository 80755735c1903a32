package acctest

import (
	"context"
	"fmt"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

// Served returns the configuration that istiod sends the proxy over xDS now.
func Served(ctx context.Context, istiod *grpc.ClientConn, p mesh.Proxy) (*mesh.Config, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(istiod).StreamAggregatedResources(ctx)
	if err != nil {
		return nil, err
	}
	labels := map[string]any{}
	for k, v := range p.Labels {
		labels[k] = v
	}
	metadata, err := structpb.NewStruct(map[string]any{"NAMESPACE": p.Namespace, "LABELS": labels, "CLUSTER_ID": "Kubernetes", "ISTIO_VERSION": "1.31.0"})
	if err != nil {
		return nil, err
	}
	kind := "sidecar"
	if p.Gateway {
		kind = "router"
	}
	node := &corev3.Node{Id: fmt.Sprintf("%s~192.0.2.1~proxy.%s~%s.svc.cluster.local", kind, p.Namespace, p.Namespace), Metadata: metadata}
	get := func(sample proto.Message, names ...string) (*discoveryv3.DiscoveryResponse, error) {
		kind := "type.googleapis.com/" + string(sample.ProtoReflect().Descriptor().FullName())
		if err := stream.Send(&discoveryv3.DiscoveryRequest{Node: node, TypeUrl: kind, ResourceNames: names}); err != nil {
			return nil, err
		}
		for {
			response, err := stream.Recv()
			if err != nil || response.GetTypeUrl() == kind { // others are pushed as objects change
				return response, err
			}
		}
	}
	c := &mesh.Config{Clusters: map[string]bool{}, Routes: map[string]*routev3.RouteConfiguration{}}
	clusters, err := get(&clusterv3.Cluster{})
	if err != nil {
		return nil, err
	}
	for _, r := range clusters.GetResources() {
		cluster := &clusterv3.Cluster{}
		if err := r.UnmarshalTo(cluster); err != nil {
			return nil, err
		}
		c.Clusters[cluster.GetName()] = true
	}
	listeners, err := get(&listenerv3.Listener{})
	if err != nil {
		return nil, err
	}
	for _, r := range listeners.GetResources() {
		listener := &listenerv3.Listener{}
		if err := r.UnmarshalTo(listener); err != nil {
			return nil, err
		}
		c.Listeners = append(c.Listeners, listener)
	}
	names := c.RouteNames()
	if len(names) == 0 {
		return c, nil
	}
	routes, err := get(&routev3.RouteConfiguration{}, names...)
	if err != nil {
		return nil, err
	}
	for _, r := range routes.GetResources() {
		route := &routev3.RouteConfiguration{}
		if err := r.UnmarshalTo(route); err != nil {
			return nil, err
		}
		c.Routes[route.GetName()] = route
	}
	return c, nil
}
