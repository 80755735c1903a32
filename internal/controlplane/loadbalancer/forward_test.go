package loadbalancer

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/utils/ptr"

	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/address"
)

func slice(name string, port int32, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "test", Labels: map[string]string{discoveryv1.LabelServiceName: "web"}},
		Ports:      []discoveryv1.EndpointPort{{Name: ptr.To("http"), Port: &port}, {Name: ptr.To("other"), Port: ptr.To[int32](1)}},
		Endpoints:  endpoints,
	}
}

func endpoint(ip string, ready, serving bool) discoveryv1.Endpoint {
	return discoveryv1.Endpoint{Addresses: []string{ip}, Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &serving}}
}

func web(ports ...int32) *corev1.Service {
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "test", UID: "1"}}
	for _, port := range ports {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "http", Port: port, Protocol: corev1.ProtocolTCP})
	}
	return s
}

var loopback = address.Loopback{Pods: netip.MustParsePrefix("10.1.2.0/25")}

func TestPods(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset(
		slice("a", 9090, endpoint("10.1.2.3", true, true), endpoint("10.1.2.4", false, true), endpoint("10.1.2.5", false, false)),
		slice("b", 80, endpoint("10.1.2.6", true, true), endpoint("192.0.2.1", true, true)))
	f := NewForwarder(t.Context(), client, loopback, 0)
	pods := func() (all []string) {
		for _, p := range f.pods(web(80), 80) {
			all = append(all, p.String())
		}
		slices.Sort(all[:len(all)-1]) // the last one is serving but not ready
		return all
	}
	if got := pods(); !slices.Equal(got, []string{"127.1.2.3:9090", "127.1.2.6:10080", "192.0.2.1:80", "127.1.2.4:9090"}) {
		t.Errorf("pods %v", got)
	}
	f.Leaving(netip.MustParseAddr("10.1.2.3"), true)
	for range 10 {
		if got := f.pods(web(80), 80)[:2]; slices.Contains(got, netip.MustParseAddrPort("127.1.2.3:9090")) {
			t.Errorf("a pod that is about to end is tried first: %v", got)
		}
	}
	f.Leaving(netip.MustParseAddr("10.1.2.3"), false)
	if got := pods(); got[0] != "127.1.2.3:9090" {
		t.Errorf("pods %v", got)
	}
	if got := f.pods(web(80), 81); len(got) > 0 {
		t.Errorf("pods of a port that the Service does not have: %v", got)
	}
}

func TestForward(t *testing.T) {
	t.Parallel()
	pod, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pod.Close()
	go func() {
		for {
			conn, err := pod.Accept()
			if err != nil {
				return
			}
			line, _ := bufio.NewReader(conn).ReadString('\n')
			fmt.Fprintf(conn, "pod got %s", line)
			conn.Close()
		}
	}()
	// One of two pods does not answer any more, and clients must not notice.
	live := netip.MustParseAddrPort(pod.Addr().String())
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := netip.MustParseAddrPort(dead.Addr().String())
	dead.Close()
	f := NewForwarder(t.Context(), fake.NewClientset(
		slice("a", int32(live.Port()), endpoint("127.0.0.1", true, true)), slice("b", int32(gone.Port()), endpoint("127.0.0.1", true, true))), loopback, 8000)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := int32(free.Addr().(*net.TCPAddr).Port)
	free.Close()
	if err := f.Forward(web(port), netip.MustParseAddr("127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	at := fmt.Sprint("127.0.0.1:", port)
	for range 20 {
		conn, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(conn, "hello")
		if line, err := bufio.NewReader(conn).ReadString('\n'); line != "pod got hello\n" {
			t.Errorf("%q: %v", line, err)
		}
		conn.Close()
	}
	if err := f.Forward(web(), netip.MustParseAddr("127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", at); err == nil {
		conn.Close()
		t.Error("the forwarder still listens on a port that the Service no longer has")
	}
	if got := f.port(80); got != 8080 {
		t.Errorf("port 80 is at %d", got)
	}
	f.Stop("1")
	if len(f.services) > 0 {
		t.Errorf("%v", f.services)
	}
}
