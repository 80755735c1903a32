package istio_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/xds"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
)

// Requests go where the attributes of a virtual service say. gRPC's own xDS client sends them and follows the routes that istiod serves. The two
// versions are servers in this process.
func TestAccVirtualService_routing(t *testing.T) {
	t.Parallel()
	namespace := acctest.Namespace(t)
	tf := acctest.NewTerraform(t, "testdata/routing", "", map[string]any{
		"namespace": namespace, "ports": map[string]any{"v1": serve(t, "v1"), "v2": serve(t, "v2")},
	})
	echo := newClient(t, namespace)
	for _, weights := range [][2]int{{100, 0}, {0, 100}, {80, 20}, {1, 3}} {
		tf.Must("apply", "-auto-approve", fmt.Sprintf("-var=weights={v1=%d,v2=%d}", weights[0], weights[1]))
		want := float64(weights[1]) / float64(weights[0]+weights[1])
		eventually(t, fmt.Sprintf("requests follow the weights %v", weights), func() bool {
			share, err := echo.share(t.Context(), 100)
			return err == nil && math.Abs(share-want) < 0.2
		})
		if t.Failed() {
			return
		}
		// Now all requests follow these weights. By Hoeffding's inequality, the share among 2,000 is off by 0.08 or more with a probability
		// below 2·exp(-2·2000·0.08²) = 1.5e-11. If one version gets all requests, it is never off.
		check := func(want float64, headers ...string) {
			t.Helper()
			share, err := echo.share(t.Context(), 2000, headers...)
			if off := math.Abs(share - want); err != nil || off >= 0.08 || (want == 0 || want == 1) && off > 0 {
				t.Errorf("with the weights %v and the headers %q, v2 answers %v of all requests, %v", weights, headers, share, err)
			}
		}
		check(want)
		check(want, "x-version", "v1")
		check(1, "x-version", "v2")
	}
	for try, want := range map[string]codes.Code{"fault": codes.DataLoss, "timeout": codes.DeadlineExceeded, "retries": codes.OK} {
		if _, err := echo.share(t.Context(), 1, "x-try", try); status.Code(err) != want {
			t.Errorf("%s: %v, want %s", try, err, want)
		}
	}
	tf.Must("destroy", "-auto-approve", "-var=weights={v1=1}")
}

// version is a server that answers with its name, and fails if a request asks for it.
type version struct {
	grpc_testing.UnimplementedTestServiceServer
	name string
}

// serve starts a server and returns its port.
func serve(t *testing.T, name string) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	t.Cleanup(server.Stop)
	grpc_testing.RegisterTestServiceServer(server, version{name: name})
	go server.Serve(listener) //nolint:errcheck // requests would fail
	return listener.Addr().(*net.TCPAddr).Port
}

func (v version) UnaryCall(ctx context.Context, _ *grpc_testing.SimpleRequest) (*grpc_testing.SimpleResponse, error) {
	header := func(name string) string { return strings.Join(metadata.ValueFromIncomingContext(ctx, name), ",") }
	switch _, limited := ctx.Deadline(); header("x-try") {
	case "timeout":
		if limited {
			<-ctx.Done()
			return nil, ctx.Err()
		}
	case "retries":
		if before := header("grpc-previous-rpc-attempts"); before != "4" {
			return nil, status.Errorf(codes.Unavailable, "not yet, after %s attempts", before)
		}
	}
	return &grpc_testing.SimpleResponse{ServerId: v.name}, nil
}

// client sends requests to the Service echo of the namespace.
type client struct{ grpc_testing.TestServiceClient }

func newClient(t *testing.T, namespace string) client {
	t.Helper()
	bootstrap, err := json.Marshal(object{
		"xds_servers": []object{{"server_uri": acctest.Istiod(t), "channel_creds": []object{{"type": "insecure"}}}},
		"node": object{
			"id":       "sidecar~192.0.2.1~client." + namespace + "~" + namespace + ".svc.cluster.local",
			"metadata": object{"GENERATOR": "grpc", "NAMESPACE": namespace},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	resolver, err := xds.NewXDSResolverWithConfigForTesting(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("xds:///echo."+namespace+".test:80", grpc.WithResolvers(resolver), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return client{grpc_testing.NewTestServiceClient(conn)}
}

// share sends n requests with these headers and returns the share that v2 answers.
func (c client) share(ctx context.Context, n int, headers ...string) (float64, error) {
	ctx = metadata.AppendToOutgoingContext(ctx, headers...)
	v2 := 0
	for range n {
		response, err := c.UnaryCall(ctx, &grpc_testing.SimpleRequest{})
		if err != nil {
			return 0, err
		}
		if response.GetServerId() == "v2" {
			v2++
		}
	}
	return float64(v2) / float64(n), nil
}
