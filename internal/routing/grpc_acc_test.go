package routing_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/xds"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/analysis"
	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
	"github.com/magneticio/terraform-provider-lamia/internal/routing"
)

func TestMain(m *testing.M) { acctest.Main(m) }

type dict = map[string]any

// Random requests go where the simulation says. gRPC's own xDS client sends them, with random rules that istiod serves.
func TestAccRoute_grpc(t *testing.T) {
	t.Parallel()
	namespace := acctest.Namespace(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, seed))
	host := "echo." + namespace + ".test"
	endpoints, subsets := []any{}, []any{}
	for _, version := range versions {
		endpoints = append(endpoints, dict{"address": "127.0.0.1", "ports": dict{"grpc": serve(t, version)}, "labels": dict{"version": version}})
		subsets = append(subsets, dict{"name": version, "labels": dict{"version": version}})
	}
	create(t, istio.ServiceEntry(), namespace, "echo", dict{"hosts": []any{host}, "resolution": "STATIC", "endpoints": endpoints,
		"ports": []any{dict{"number": 80, "name": "grpc", "protocol": "GRPC"}}})
	create(t, istio.DestinationRule(), namespace, "echo", dict{"host": host, "subsets": subsets})
	vs := acctest.NewObject(t, istio.VirtualService(), namespace, "echo")
	conn := dial(t, namespace, host)

	counts := map[string]int{}
	for round := range 40 {
		marker := fmt.Sprintf("/round/%d", round)
		rules := append([]any{rule(host, dict{"uri": dict{"exact": marker}}, "marker")}, randomRules(random, host)...)
		spec := dict{"hosts": []any{host}, "http": rules}
		if round == 0 {
			create(t, istio.VirtualService(), namespace, "echo", spec)
		} else {
			vs.Patch(marshal(t, dict{"spec": spec}))
		}
		if !current(t.Context(), conn, marker) {
			t.Fatalf("gRPC does not follow round %d: %v", round, spec)
		}
		objects := live(t, namespace)
		for range 100 {
			r := randomRequest(random, namespace, host)
			want, err := routing.Route(objects, r)
			if err != nil {
				t.Fatal(err)
			}
			got, err := call(t.Context(), conn, r)
			outcome := want.Outcome
			switch {
			case outcome == routing.NotFound && status.Code(err) == codes.Unavailable:
			case outcome == routing.Forwarded && err == nil && slices.ContainsFunc(want.Destinations, func(d routing.Destination) bool {
				return d.Exists && d.Share > 0 && (d.Subset == got || d.Subset == "")
			}):
				if len(want.Destinations) > 1 {
					outcome += " to several"
				}
			default:
				t.Fatalf("seed %d: %+v is to be %+v, but is answered by %q, %v, in %s", seed, r, want, got, err, marshal(t, spec))
			}
			counts[outcome]++
		}
	}
	t.Log(counts)
	for _, outcome := range []string{routing.Forwarded, routing.Forwarded + " to several", routing.NotFound} {
		if counts[outcome] < 100 {
			t.Errorf("too few requests are %s: %v", outcome, counts)
		}
	}
}

var versions = []string{"v1", "v2", "v3", "marker"}

func rule(host string, match dict, subsets ...string) dict {
	routes := []any{}
	for _, subset := range subsets {
		routes = append(routes, dict{"destination": dict{"host": host, "subset": subset}, "weight": 1})
	}
	r := dict{"route": routes}
	if match != nil {
		r["match"] = []any{match}
	}
	return r
}

func one[T any](random *rand.Rand, of ...T) T { return of[random.IntN(len(of))] }

func randomRules(random *rand.Rand, host string) (rules []any) {
	for range 1 + random.IntN(4) {
		match := dict{}
		switch random.IntN(5) {
		case 0:
			match["uri"] = dict{"exact": one(random, "/x/a", "/x/b", "/X/A")}
		case 1, 2:
			match["uri"] = dict{"prefix": one(random, "/x", "/x/", "/xx", "/", "/x/a", "/x/a/")}
		case 3:
			match["uri"] = dict{"regex": one(random, "/x/.*", "/[xy]+/a", ".*b", "/x")}
		}
		if match["uri"] != nil && random.IntN(4) == 0 {
			match["ignoreUriCase"] = true
		}
		if random.IntN(3) == 0 {
			match["headers"] = dict{one(random, "k", "l"): one(random, dict{"exact": "1"}, dict{"prefix": "1"}, dict{"regex": "[0-9]+"}, dict{})}
		}
		if random.IntN(4) == 0 { // gRPC, unlike Envoy, does not match an inverted value against a missing header
			match["withoutHeaders"] = dict{one(random, "k", "l"): dict{}}
		}
		if len(match) == 0 {
			match = nil
		}
		subsets := []string{one(random, "v1", "v2", "v3")}
		if random.IntN(3) == 0 {
			subsets = []string{"v1", one(random, "v2", "v3")}
		}
		rules = append(rules, rule(host, match, subsets...))
		if match == nil {
			break // istiod rejects rules after one that matches all
		}
	}
	return rules
}

func randomRequest(random *rand.Rand, namespace, host string) routing.Request {
	r := routing.Request{Namespace: namespace, Protocol: "http", Host: host, Port: 80, Method: "POST", Headers: map[string]string{},
		Path: one(random, "/x/a", "/x/b", "/x/ab", "/X/A", "/xx/a", "/y/a", "/y/b", "/x/a/c")}
	for _, name := range []string{"k", "l"} {
		if random.IntN(2) == 0 {
			r.Headers[name] = one(random, "1", "12", "2", "a", "a1")
		}
	}
	return r
}

func live(t *testing.T, namespace string) (o mesh.Objects) {
	t.Helper()
	read := func(k *engine.Kind, name string, into func(*acctest.Object) error) {
		if err := into(acctest.NewObject(t, k, namespace, name)); err != nil {
			t.Fatal(err)
		}
	}
	read(istio.ServiceEntry(), "echo", func(e *acctest.Object) error { return convert(&o.ServiceEntries, e) })
	read(istio.DestinationRule(), "echo", func(e *acctest.Object) error { return convert(&o.DestinationRules, e) })
	read(istio.VirtualService(), "echo", func(e *acctest.Object) error { return convert(&o.VirtualServices, e) })
	return o
}

func convert[T any](to *[]*T, o *acctest.Object) error {
	converted, err := analysis.Convert[T](o.Live())
	*to = append(*to, converted)
	return err
}

func create(t *testing.T, k *engine.Kind, namespace, name string, spec dict) {
	t.Helper()
	acctest.NewObject(t, k, namespace, name).Create(marshal(t, spec), nil)
}

func marshal(t *testing.T, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// serve starts a server that answers every method with its name, and returns its port.
func serve(t *testing.T, name string) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		if err := stream.RecvMsg(&grpc_testing.SimpleRequest{}); err != nil {
			return err
		}
		return stream.SendMsg(&grpc_testing.SimpleResponse{ServerId: name})
	}))
	t.Cleanup(server.Stop)
	go server.Serve(listener) //nolint:errcheck // requests would fail
	return listener.Addr().(*net.TCPAddr).Port
}

func dial(t *testing.T, namespace, host string) *grpc.ClientConn {
	t.Helper()
	bootstrap := marshal(t, dict{
		"xds_servers": []any{dict{"server_uri": acctest.Istiod(t), "channel_creds": []any{dict{"type": "insecure"}}}},
		"node": dict{
			"id":       "sidecar~192.0.2.1~client." + namespace + "~" + namespace + ".svc.cluster.local",
			"metadata": dict{"GENERATOR": "grpc", "NAMESPACE": namespace},
		},
	})
	resolver, err := xds.NewXDSResolverWithConfigForTesting([]byte(bootstrap))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("xds:///"+host+":80", grpc.WithResolvers(resolver), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func call(ctx context.Context, conn *grpc.ClientConn, r routing.Request) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for name, value := range r.Headers {
		ctx = metadata.AppendToOutgoingContext(ctx, strings.ToLower(name), value)
	}
	response := &grpc_testing.SimpleResponse{}
	err := conn.Invoke(ctx, r.Path, &grpc_testing.SimpleRequest{}, response)
	return response.GetServerId(), err
}

// current waits until gRPC has the rules of the round with the marker.
func current(ctx context.Context, conn *grpc.ClientConn, marker string) bool {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		if got, err := call(ctx, conn, routing.Request{Path: marker}); err == nil && got == "marker" {
			return true
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	return false
}
