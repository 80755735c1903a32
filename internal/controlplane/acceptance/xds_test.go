package acceptance

import (
	"fmt"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/structpb"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A client of istiod's plaintext xDS server learns the addresses of a Service's pods.
func TestXDS(t *testing.T) {
	t.Parallel()
	ns := namespace(t, nil)
	if _, err := kube(t).CoreV1().Services(ns).Create(t.Context(), service("app", corev1.ServiceTypeClusterIP), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	p, err := kube(t).CoreV1().Pods(ns).Create(t.Context(), pod("app", "example.test/app:1"), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ip := ready(t, ns, p.Name).Status.PodIP

	addresses, err := kube(t).CoreV1().ConfigMaps("istio-system").Get(t.Context(), "lamia-controlplane", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(addresses.Data["xds"], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// istiod sees the pod with a delay, and answers each new stream with its current state.
	eventually(t, func() error {
		got, err := endpoints(t, conn, ns, "outbound|9090||app."+ns+".svc.cluster.local")
		if err == nil && (len(got) != 1 || got[0] != ip+":9090") {
			err = fmt.Errorf("endpoints %v; the pod has %s", got, ip)
		}
		return err
	})
}

func endpoints(t *testing.T, conn *grpc.ClientConn, ns, cluster string) (addresses []string, err error) {
	t.Helper()
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).StreamAggregatedResources(t.Context())
	if err != nil {
		return nil, err
	}
	defer stream.CloseSend() //nolint:errcheck // the connection is closed soon
	metadata, err := structpb.NewStruct(map[string]any{"GENERATOR": "grpc", "NAMESPACE": ns, "CLUSTER_ID": "Kubernetes"})
	if err != nil {
		return nil, err
	}
	if err := stream.Send(&discoveryv3.DiscoveryRequest{
		Node:          &corev3.Node{Id: "sidecar~10.1.2.3~client." + ns + "~" + ns + ".svc.cluster.local", Metadata: metadata},
		TypeUrl:       "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
		ResourceNames: []string{cluster},
	}); err != nil {
		return nil, err
	}
	response, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	for _, r := range response.Resources {
		assignment := &endpointv3.ClusterLoadAssignment{}
		if err := r.UnmarshalTo(assignment); err != nil {
			return nil, err
		}
		for _, locality := range assignment.Endpoints {
			for _, e := range locality.LbEndpoints {
				a := e.GetEndpoint().GetAddress().GetSocketAddress()
				addresses = append(addresses, fmt.Sprintf("%s:%d", a.GetAddress(), a.GetPortValue()))
			}
		}
	}
	return addresses, nil
}
