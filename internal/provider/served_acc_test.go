package provider_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
)

// served checks what istiod serves to the proxies of both gateways and to one in the mesh: each gets its own routes. A host of team 2's gateway
// routes to team 1's Service. In the mesh it routes to the only port of se-1, wherever the caller connects to, because se-1 has no resolution.
func served(t *testing.T, tf *acctest.Terraform, namespaces map[string]string) {
	t.Helper()
	conn, err := grpc.NewClient(acctest.Istiod(t), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	labels := func(gateway string) any { return tf.Values(gateway)["selector"] }
	for _, w := range []struct {
		proxy proxy
		route string
		lines []string
	}{
		{proxy{conn, "router", namespaces["team_1"], labels("module.team_1.lamia_gateway.gw_1")}, "http.80", []string{
			"vamp-gw1-alt-test.democluster.net/ to outbound|9090|subset2|svc-1.${team_1}.svc.cluster.local, EDS",
			"vamp-gw1-test.democluster.net/ to outbound|9090|subset1|svc-1.${team_1}.svc.cluster.local, EDS",
		}},
		{proxy{conn, "router", namespaces["team_2"], labels("module.team_2.lamia_gateway.gw_2")}, "http.80", []string{
			"vamp-gw2-test.democluster.net/service1 to outbound|9090|subset3|svc-1.${team_1}.svc.cluster.local, EDS, as /",
			"vamp-gw2-test.democluster.net/service2 to outbound|9090|subset1|svc-2.${team_2}.svc.cluster.local, EDS, as /",
		}},
		{proxy{conn, "sidecar", namespaces["team_3"], nil}, "80", []string{
			"vamp-gw2-test.democluster.net/ to outbound|80||vamp-gw2-test.democluster.net, ORIGINAL_DST, 5 retries of 3s",
		}},
	} {
		want := strings.Split(os.Expand(strings.Join(w.lines, "\n"), func(team string) string { return namespaces[team] }), "\n")
		var got []string
		if err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (is bool, err error) {
			got, err = w.proxy.routes(ctx, w.route, ".democluster.net")
			return slices.Equal(got, want), err
		}); err != nil {
			t.Errorf("%v: a %s of namespace %s has the routes\n%s\nwant\n%s", err, w.proxy.role, w.proxy.namespace, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// proxy sends xDS requests to istiod as a sidecar or router in a namespace whose pod has these labels.
type proxy struct {
	istiod          *grpc.ClientConn
	role, namespace string
	labels          any
}

// routes returns the routes for the hosts of a domain, one per line, with the type of the cluster.
func (p proxy) routes(ctx context.Context, name, domain string) (lines []string, err error) {
	clusters, err := ask[*clusterv3.Cluster](ctx, p)
	if err != nil {
		return nil, err
	}
	types := make(map[string]clusterv3.Cluster_DiscoveryType)
	for _, c := range clusters {
		types[c.Name] = c.GetType()
	}
	configurations, err := ask[*routev3.RouteConfiguration](ctx, p, name)
	if err != nil {
		return nil, err
	}
	for _, c := range configurations {
		for _, host := range c.VirtualHosts {
			if !strings.HasSuffix(host.Domains[0], domain) {
				continue
			}
			for _, r := range host.Routes {
				to := r.GetRoute()
				line := fmt.Sprintf("%s%s to %s, %s", host.Domains[0], r.GetMatch().GetPrefix(), to.GetCluster(), types[to.GetCluster()])
				if to.GetPrefixRewrite() != "" {
					line += ", as " + to.GetPrefixRewrite()
				}
				if retries := to.GetRetryPolicy(); retries.GetPerTryTimeout() != nil {
					line += fmt.Sprintf(", %d retries of %s", retries.GetNumRetries().GetValue(), retries.GetPerTryTimeout().AsDuration())
				}
				lines = append(lines, line)
			}
		}
	}
	return lines, nil
}

// ask requests resources of type M from istiod: those with these names, or all without names.
func ask[M proto.Message](ctx context.Context, p proxy, names ...string) (resources []M, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(p.istiod).StreamAggregatedResources(ctx)
	if err != nil {
		return nil, err
	}
	metadata, err := structpb.NewStruct(map[string]any{"NAMESPACE": p.namespace, "LABELS": p.labels})
	if err != nil {
		return nil, err
	}
	var message M
	if err := stream.Send(&discoveryv3.DiscoveryRequest{
		Node:          &corev3.Node{Id: p.role + "~192.0.2.1~proxy." + p.namespace + "~" + p.namespace + ".svc.cluster.local", Metadata: metadata},
		TypeUrl:       "type.googleapis.com/" + string(message.ProtoReflect().Descriptor().FullName()),
		ResourceNames: names,
	}); err != nil {
		return nil, err
	}
	response, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	for _, r := range response.Resources {
		resource, err := r.UnmarshalNew()
		if err != nil {
			return nil, err
		}
		resources = append(resources, resource.(M))
	}
	return resources, nil
}
