// Package relay connects a plain Envoy to istiod. It changes the addresses of pods in istiod's responses to those on this machine, and removes
// extensions that only Istio's own build of Envoy has.
package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/address"
)

// maxMessage is the maximum size of a message in bytes, larger than any response of istiod.
const maxMessage = 1 << 28

// Relay serves the Envoy of one pod.
type Relay struct {
	Istiod   string      // host:port of istiod's TLS port
	TLS      *tls.Config // with the certificate of the pod's service account
	Loopback address.Loopback
	Pod      netip.Addr
	// HTTPProxy is the port of a sidecar's only listener, which accepts requests as an HTTP proxy, because nothing here redirects connections of
	// an application. 0 means a gateway, which keeps all its listeners.
	HTTPProxy uint16
	// Rejected is called with Envoy's error when it rejects a response.
	Rejected func(why string)

	mu    sync.Mutex
	state map[string]error // the result of the last response by resource type; absent until Envoy has answered one
}

// Current returns nil once Envoy has accepted clusters and listeners and rejects none of the last responses.
func (r *Relay) Current() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, kind := range []string{clusterType, listenerType} {
		if _, ok := r.state[kind]; !ok {
			return errors.New("istiod has sent no " + kind)
		}
	}
	for _, err := range r.state {
		if err != nil {
			return err
		}
	}
	return nil
}

// Serve serves xDS on the listener until ctx ends.
func (r *Relay) Serve(ctx context.Context, l net.Listener) error {
	istiod, err := grpc.NewClient(r.Istiod, grpc.WithTransportCredentials(credentials.NewTLS(r.TLS)),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: time.Minute}))
	if err != nil {
		return err
	}
	defer istiod.Close()
	server := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage))
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(server, &session{Relay: r, istiod: discoveryv3.NewAggregatedDiscoveryServiceClient(istiod)})
	defer context.AfterFunc(ctx, server.Stop)()
	return server.Serve(l)
}

type session struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	*Relay
	istiod discoveryv3.AggregatedDiscoveryServiceClient
}

// StreamAggregatedResources forwards requests unchanged, and responses translated for this machine.
func (s *session) StreamAggregatedResources(envoy discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	ctx, cancel := context.WithCancel(envoy.Context())
	defer cancel()
	istiod, err := s.istiod.StreamAggregatedResources(ctx)
	if err != nil {
		return err
	}
	ended := make(chan error, 2)
	go func() {
		for {
			request, err := envoy.Recv()
			if err == nil {
				s.note(request)
				err = istiod.Send(request)
			}
			if err != nil {
				ended <- err
				return
			}
		}
	}()
	go func() {
		for {
			response, err := istiod.Recv()
			if err == nil {
				err = s.translate(response)
			}
			if err == nil {
				err = envoy.Send(response)
			}
			if err != nil {
				ended <- err
				return
			}
		}
	}()
	if err = <-ended; errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// note records whether Envoy accepts the last response.
func (s *session) note(request *discoveryv3.DiscoveryRequest) {
	if request.ResponseNonce == "" {
		return
	}
	var said error
	if e := request.ErrorDetail; e != nil {
		said = errors.New(e.Message)
	}
	s.mu.Lock()
	if s.state == nil {
		s.state = make(map[string]error)
	}
	s.state[request.TypeUrl] = said
	s.mu.Unlock()
	if said != nil {
		s.Rejected(said.Error())
	}
}

// translate translates the resources of a response in place, and removes those that Envoy does not need.
func (s *session) translate(response *discoveryv3.DiscoveryResponse) error {
	var kept []*anypb.Any
	for _, resource := range response.Resources {
		resource, err := s.Relay.translate(resource)
		if err != nil {
			return err
		}
		if resource != nil {
			kept = append(kept, resource)
		}
	}
	response.Resources = kept
	return nil
}
