package traffic_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop/grpc_testing"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/traffic"
)

// Requests are handled as the attributes of a virtual service and a gateway say.
func TestAccTraffic_routing(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	namespace := acctest.Namespace(t)
	roots := p.secret(namespace, "www", "www.example.test")
	pod := p.application(namespace, "app", "v1")
	p.application(namespace, "app", "v2")
	tf := acctest.NewTerraform(t, "testdata/routing", "", map[string]any{"namespace": namespace, "pod": pod, "image": image, "http3": p.Embedded})
	tf.Must("apply", "-auto-approve")
	tf.Empty()
	at := address(t, tf, "lamia_gateway.gw")
	www := "http://www.example.test"
	client := p.connect(p.LoadBalancer(at, 80), nil)

	// ask repeats a request until the response is as wanted, because a proxy gets a new route with a delay, and then sends it once more.
	ask := func(t *testing.T, what string, request func() (*traffic.Answer, error), want func(*traffic.Answer) bool) *traffic.Answer {
		t.Helper()
		check := func() (*traffic.Answer, error) {
			a, err := request()
			if err == nil && !want(a) {
				err = fmt.Errorf("%+v", a)
			}
			return a, err
		}
		p.eventually(what, func() error {
			_, err := check()
			return err
		})
		a, err := check()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return a
	}
	get := func(url string, headers ...string) func() (*traffic.Answer, error) {
		return func() (*traffic.Answer, error) { return client.Get(t.Context(), url, headers...) }
	}
	version := func(version string) func(*traffic.Answer) bool {
		return func(a *traffic.Answer) bool { return a.Status == http.StatusOK && a.Asked.Version() == version }
	}
	// seen returns how many earlier requests with an ID a version has received.
	seen := func(version, id string) int {
		a, err := client.Get(t.Context(), www+"/seen?id="+id, "x-version", version)
		if err != nil || a.Asked.Version() != version {
			t.Fatalf("%+v: %v", a, err)
		}
		return a.Asked.Seen - 1
	}

	ask(t, "the default route", get(www+"/"), version("v1"))
	ask(t, "a header", get(www+"/", "x-version", "v2"), version("v2"))
	ask(t, "another value of the header", get(www+"/", "x-version", "v3"), version("v1"))
	ask(t, "another host", get("http://other.example.test/"), func(a *traffic.Answer) bool { return a.Status == http.StatusNotFound })

	// The first version answers, and the second one receives a copy of the request.
	ask(t, "a mirror", get(www+"/mirror?id=mirrored"), version("v1"))
	p.eventually("the mirror gets requests", func() error {
		if seen("v2", "mirrored") < 1 {
			return fmt.Errorf("it got none")
		}
		return nil
	})
	if n := seen("v2", "not-mirrored"); n != 0 {
		t.Errorf("%d requests were seen that were not sent", n)
	}

	ask(t, "a fault", get(www+"/abort?id=aborted"), func(a *traffic.Answer) bool { return a.Status == http.StatusTeapot && a.Asked.Pod == "" })
	ask(t, "a timeout", get(www+"/timeout?delay=20s"), func(a *traffic.Answer) bool { return a.Status == http.StatusGatewayTimeout })
	ask(t, "within the timeout", get(www+"/timeout"), version("v1"))
	ask(t, "a redirect", get(www+"/redirect"), func(a *traffic.Answer) bool {
		return a.Status == http.StatusFound && a.Headers.Get("Location") == "http://other.example.test/elsewhere"
	})
	ask(t, "a direct response", get(www+"/direct"), func(a *traffic.Answer) bool { return a.Status == http.StatusServiceUnavailable && a.Body == "closed" })
	ask(t, "a rewrite, and headers", get(www+"/rewrite/this", "x-removed", "yes"), func(a *traffic.Answer) bool {
		return a.Asked.Path == "/this/rewritten" && a.Asked.Host == "inside.example.test" && a.Asked.Headers.Get("X-Added") == "yes" &&
			a.Asked.Headers.Get("X-Removed") == "" && a.Headers.Get("X-Answered") == "yes"
	})

	preflight := func(origin string) func() (*traffic.Answer, error) {
		return func() (*traffic.Answer, error) {
			return client.Send(t.Context(), http.MethodOptions, www+"/cors", "Origin", origin, "Access-Control-Request-Method", "PUT")
		}
	}
	ask(t, "CORS", preflight("https://app.example.test"), func(a *traffic.Answer) bool {
		return a.Status == http.StatusOK && a.Asked.Pod == "" && a.Headers.Get("Access-Control-Allow-Origin") == "https://app.example.test" &&
			a.Headers.Get("Access-Control-Allow-Methods") == "GET,PUT" && a.Headers.Get("Access-Control-Max-Age") == "600"
	})
	ask(t, "CORS from elsewhere", preflight("https://evil.example.test"), func(a *traffic.Answer) bool {
		return a.Headers.Get("Access-Control-Allow-Origin") == ""
	})

	t.Run("retries", func(t *testing.T) { //nolint:paralleltest // the steps share a client
		// One of two endpoints is down. Without retries some requests fail, and with retries none does.
		failed := 0
		for range 40 {
			a, err := client.Get(t.Context(), www+"/half")
			if err != nil {
				t.Fatal(err)
			}
			if a.Status == http.StatusServiceUnavailable {
				failed++
			} else if a.Status != http.StatusOK {
				t.Fatalf("%+v", a)
			}
		}
		if failed == 0 || failed == 40 {
			t.Errorf("%d of 40 requests fail without retries", failed)
		}
		if versions, err := client.Versions(t.Context(), 40, www+"/half/retries"); err != nil {
			t.Errorf("%v: %v", versions, err)
		}
		// An error of the application itself is retried only if retry_on includes it: not by default, and not with attempts alone.
		for path, want := range map[string]int{"/default-retries": 1, "/tutorial-retries": 1, "/retries": 4} {
			id := strings.Trim(path, "/")
			a, err := client.Get(t.Context(), www+path+"?status=503&id="+id)
			if err != nil || a.Status != http.StatusServiceUnavailable || a.Asked.Seen != want {
				t.Errorf("%s: the application was asked %d times, want %d: %+v, %v", path, a.Asked.Seen, want, a, err)
			}
		}
		// Timeouts are not retried either.
		if a, err := client.Get(t.Context(), www+"/slow?delay=20s&id=slow"); err != nil || a.Status != http.StatusGatewayTimeout || seen("v1", "slow") != 1 {
			t.Errorf("%+v: %v", a, err)
		}
	})

	t.Run("TLS", func(t *testing.T) { //nolint:paralleltest // likewise
		secure := p.connect(p.LoadBalancer(at, 443), &tls.Config{RootCAs: roots, ServerName: "www.example.test"})
		a := ask(t, "credential_name", func() (*traffic.Answer, error) { return secure.Get(t.Context(), "https://www.example.test/") }, version("v1"))
		if a.TLS == nil || a.Proto != "HTTP/2.0" || a.Asked.Headers.Get("X-Forwarded-Proto") != "https" {
			t.Errorf("%+v", a)
		}
		redirect := p.connect(p.LoadBalancer(at, 8080), nil)
		ask(t, "https_redirect", func() (*traffic.Answer, error) { return redirect.Get(t.Context(), www+"/path") }, func(a *traffic.Answer) bool {
			return a.Status == http.StatusMovedPermanently && strings.HasPrefix(a.Headers.Get("Location"), "https://www.example.test")
		})
	})

	if p.Embedded { // istiod of the embedded control plane supports HTTP/3
		t.Run("HTTP/3", func(t *testing.T) {
			proxy := p.ready(namespace, map[string]string{"lamia.magnetic.io/gateway": namespace + ".gw"})
			if len(proxy.Spec.Containers) != 2 {
				t.Errorf("the pod has %d containers", len(proxy.Spec.Containers))
			}
			config := &tls.Config{RootCAs: roots, ServerName: "www.example.test"}
			// Load balancers of the embedded control plane forward TCP only, so this connects to the proxy.
			h3 := traffic.Client{Transport: &http3.Transport{
				TLSClientConfig: config,
				Dial: func(ctx context.Context, _ string, tlsConfig *tls.Config, config *quic.Config) (*quic.Conn, error) {
					return quic.DialAddrEarly(ctx, p.Pod(proxy.Status.PodIP, 443), tlsConfig, config)
				},
			}}
			defer h3.Close()
			a := ask(t, "http3", func() (*traffic.Answer, error) { return h3.Get(t.Context(), "https://www.example.test/") }, version("v1"))
			if a.Proto != "HTTP/3.0" {
				t.Errorf("%+v", a)
			}
			secure := p.connect(p.LoadBalancer(at, 443), config)
			a = ask(t, "https", func() (*traffic.Answer, error) { return secure.Get(t.Context(), "https://www.example.test/") }, version("v1"))
			if got := a.Headers.Get("Alt-Svc"); !strings.Contains(got, `h3=":443"`) {
				t.Errorf("Alt-Svc is %q", got)
			}
		})
	}

	t.Run("passthrough", func(t *testing.T) { //nolint:paralleltest // likewise
		at := p.LoadBalancer(at, 8443)
		for _, version := range []string{"v1", "v2"} {
			// The certificate belongs to the pod.
			config := &tls.Config{ServerName: version + ".example.test", InsecureSkipVerify: true}
			passed := p.connect(at, config)
			a := ask(t, config.ServerName, func() (*traffic.Answer, error) { return passed.Get(t.Context(), "https://"+config.ServerName+"/") },
				func(a *traffic.Answer) bool { return a.Asked.Version() == version })
			if name := a.TLS.PeerCertificates[0].Subject.CommonName; name != a.Asked.Pod {
				t.Errorf("%s has the certificate of %s, want %s", config.ServerName, name, a.Asked.Pod)
			}
		}
		if conn, err := tls.Dial("tcp", at, &tls.Config{ServerName: "v3.example.test", InsecureSkipVerify: true}); err == nil {
			conn.Close()
			t.Error("a name that no route has is answered")
		}
	})

	t.Run("TCP", func(t *testing.T) { //nolint:paralleltest // likewise
		p.eventually("a line is answered", func() error {
			conn, err := net.Dial("tcp", p.LoadBalancer(at, 9000))
			if err != nil {
				return err
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
				return err
			}
			fmt.Fprintln(conn, "hello")
			line, err := bufio.NewReader(conn).ReadString('\n')
			if err == nil && !strings.HasSuffix(line, " v2 hello\n") {
				err = fmt.Errorf("%q", line)
			}
			return err
		})
	})

	t.Run("gRPC", func(t *testing.T) { //nolint:paralleltest // likewise
		conn, err := grpc.NewClient("passthrough:///"+p.LoadBalancer(at, 80), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority("grpc.example.test"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		p.eventually("a call is answered", func() error {
			response, err := grpc_testing.NewTestServiceClient(conn).UnaryCall(t.Context(), &grpc_testing.SimpleRequest{})
			if err == nil && response.ServerId != "v2" {
				err = fmt.Errorf("%v", response)
			}
			return err
		})
	})
	tf.Must("destroy", "-auto-approve")
}

// secret creates a TLS secret for a host, and returns its certificate authority.
func (p plane) secret(namespace, name, host string) *x509.CertPool {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		p.t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.client.CoreV1().Secrets(namespace).Create(p.t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{
			corev1.TLSCertKey:       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
			corev1.TLSPrivateKeyKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
		},
	}, metav1.CreateOptions{}); err != nil {
		p.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return roots
}
