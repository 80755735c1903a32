// Package relay stands between istiod and a plain Envoy: what istiod serves is passed on with the addresses at which this machine has the
// cluster's pods, and without what only Istio's own build of Envoy knows.
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

// maxMessage is more than istiod sends.
const maxMessage = 1 << 28

// Relay serves the Envoy of one pod.
type Relay struct {
	Istiod   string      // host:port of its TLS port
	TLS      *tls.Config // with the certificate of the pod's service account
	Loopback address.Loopback
	Pod      netip.Addr
	// HTTPProxy is the port of the one listener that a sidecar has: it takes requests as an HTTP proxy does, because nothing here redirects
	// an application's connections. 0 is a gateway, which has all its listeners.
	HTTPProxy uint16
	// Rejected is told of what the Envoy rejects.
	Rejected func(why string)

	mu    sync.Mutex
	state map[string]error // by type of resource: what came of the last response; none has come where it is absent
}

// Current returns nil once the Envoy has taken clusters and listeners, and rejects nothing of what it was sent last.
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

// Serve serves at the listener until ctx ends.
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

// StreamAggregatedResources passes on requests as they are, and responses as the machine needs them.
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

// note remembers what the Envoy says of the last response.
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

// translate changes the resources of a response in place.
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
