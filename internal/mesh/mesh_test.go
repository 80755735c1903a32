package mesh_test

import (
	"fmt"
	"testing"
	"time"

	"istio.io/api/networking/v1alpha3"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

func many(n int) mesh.Objects {
	o := mesh.Objects{}
	meta := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: "a", Name: name, CreationTimestamp: metav1.Unix(1_700_000_000, 0)}
	}
	o.Gateways = append(o.Gateways, &networking.Gateway{ObjectMeta: meta("gw"), Spec: v1alpha3.Gateway{
		Selector: map[string]string{"istio": "x"},
		Servers:  []*v1alpha3.Server{{Port: &v1alpha3.Port{Number: 80, Name: "http", Protocol: "HTTP"}, Hosts: []string{"*"}}},
	}})
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

func TestSpike(t *testing.T) {
	for _, n := range []int{3, 3, 3, 100, 1000} {
		began := time.Now()
		m, err := mesh.New(many(n))
		if err != nil {
			t.Fatal(err)
		}
		made := time.Now()
		c, err := m.Config(mesh.Proxy{Gateway: true, Namespace: "a", Labels: map[string]string{"istio": "x"}})
		if err != nil {
			t.Fatal(err)
		}
		gw := time.Now()
		s, err := m.Config(mesh.Proxy{Namespace: "a"})
		if err != nil {
			t.Fatal(err)
		}
		t.Log(n, made.Sub(began), gw.Sub(made), time.Since(gw), len(c.Rules()), len(s.Rules()), len(c.Clusters), len(s.Clusters))
		if n == 3 {
			for _, r := range append(c.Rules(), s.Rules()...) {
				t.Log(r.Rule, r.Port, r.Domains, r.Clusters, c.Clusters[r.Clusters[0]])
			}
			t.Log(c.Clusters)
		}
	}
}
