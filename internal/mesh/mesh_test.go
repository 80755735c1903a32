package mesh_test

import (
	"fmt"
	"io"
	"os"
	"slices"
	"testing"

	"istio.io/api/networking/v1alpha3"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

var gateway = mesh.Proxy{Gateway: true, Namespace: "a", Labels: map[string]string{"istio": "x"}}

// many returns n Services, each with a host at a gateway, and rules there and in the mesh that route to a subset that does not exist.
func many(n int) mesh.Objects {
	meta := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: "a", Name: name, CreationTimestamp: metav1.Unix(1_700_000_000, 0)}
	}
	o := mesh.Objects{Gateways: []*networking.Gateway{{ObjectMeta: meta("gw"), Spec: v1alpha3.Gateway{
		Selector: gateway.Labels,
		Servers:  []*v1alpha3.Server{{Port: &v1alpha3.Port{Number: 80, Name: "http", Protocol: "HTTP"}, Hosts: []string{"*"}}},
	}}}}
	for i := range n {
		svc := fmt.Sprintf("svc-%d", i)
		o.Services = append(o.Services, &corev1.Service{ObjectMeta: meta(svc), Spec: corev1.ServiceSpec{
			ClusterIP: fmt.Sprintf("10.0.%d.%d", i>>8, i&255), Ports: []corev1.ServicePort{{Name: "http", Port: 80}}}})
		o.VirtualServices = append(o.VirtualServices, &networking.VirtualService{ObjectMeta: meta(svc), Spec: v1alpha3.VirtualService{
			Hosts: []string{svc + ".example.com", svc}, Gateways: []string{"gw", "mesh"},
			Http: []*v1alpha3.HTTPRoute{{Route: []*v1alpha3.HTTPRouteDestination{{Destination: &v1alpha3.Destination{Host: svc, Subset: "v1"}}}}},
		}})
	}
	return o
}

// Pilot's translation has the rule and the destinations of each route. It changes no object and prints nothing to standard output.
func TestConfig(t *testing.T) { //nolint:paralleltest // it replaces os.Stdout
	stdout := os.Stdout
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	os.Stdout = write
	t.Cleanup(func() { os.Stdout = stdout })

	o := many(3)
	host := o.VirtualServices[0].Spec.Hosts[1]
	m, err := mesh.New(o)
	if err != nil {
		t.Fatal(err)
	}
	for proxy, want := range map[string]mesh.Proxy{"gateway": gateway, "sidecar": {Namespace: "a"}} {
		c, err := m.Config(want)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			name := fmt.Sprint("svc-", i)
			cluster := mesh.Cluster{Host: mesh.Host(name, "a"), Subset: "v1", Port: 80}
			if !slices.ContainsFunc(c.Rules(), func(s mesh.Served) bool {
				return s.VirtualService.Name == name && s.Index == 0 && s.Delegated == -1 && slices.Equal(s.Clusters, []string{cluster.Name()})
			}) {
				t.Errorf("the %s has no rule of %s: %+v", proxy, name, c.Rules())
			}
			if c.Clusters[cluster.Name()] || !slices.Equal(c.Ports(cluster.Host), []int{80}) {
				t.Errorf("the %s knows %v", proxy, c.Clusters)
			}
		}
	}
	if o.VirtualServices[0].Spec.Hosts[1] != host || o.VirtualServices[0].Spec.Http[0].Name != "" {
		t.Errorf("the object has become %v", o.VirtualServices[0])
	}
	write.Close()
	if said, err := io.ReadAll(read); err != nil || len(said) > 0 {
		t.Errorf("on the standard output: %s (%v)", said, err)
	}
}

func TestHost(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"svc": "svc.a.svc.cluster.local", "svc.b.svc.corp.example": "svc.b.svc.cluster.local", "*": "*", "api.example.com": "api.example.com",
		"*.b.svc.cluster.local": "*.b.svc.cluster.local", "192.0.2.1": "192.0.2.1",
	} {
		if got := mesh.Host(name, "a"); string(got) != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

// BenchmarkConfig translates a thousand virtual services for a gateway and a sidecar.
func BenchmarkConfig(b *testing.B) {
	o := many(1000)
	for b.Loop() {
		m, err := mesh.New(o)
		if err != nil {
			b.Fatal(err)
		}
		for _, proxy := range []mesh.Proxy{gateway, {Namespace: "a"}} {
			if _, err := m.Config(proxy); err != nil {
				b.Fatal(err)
			}
		}
	}
}
