package echo

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop/grpc_testing"
)

func serve(t *testing.T, app *App) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Serve(ctx, time.Minute, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if conn, err := net.Dial("tcp", l.Addr().String()); err == nil {
			conn.Close()
			t.Error("it still listens")
		}
	})
	return l.Addr().String()
}

func newApp() *App {
	return &App{Pod: "app-1", Namespace: "test", Labels: map[string]string{"version": "v1"}}
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	at := serve(t, newApp())
	var http2 http.Protocols
	http2.SetUnencryptedHTTP2(true)
	for _, client := range []struct {
		scheme    string
		transport *http.Transport
		proto     int
	}{
		{"http", &http.Transport{}, 1},
		{"http", &http.Transport{Protocols: &http2}, 2},
		{"https", &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, 1},
		{"https", &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}, 2},
	} {
		request, err := http.NewRequest(http.MethodPost, client.scheme+"://"+at+"//y?status=418", bytes.NewReader([]byte("body")))
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "www.example.test"
		request.Header.Set("X-Test", "yes")
		response, err := client.transport.RoundTrip(request)
		if err != nil {
			t.Errorf("%s: %v", client.scheme, err)
			continue
		}
		var answer Answer
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
			t.Error(err)
		}
		response.Body.Close()
		if response.StatusCode != 418 || response.ProtoMajor != client.proto {
			t.Errorf("%s %s", response.Proto, response.Status)
		}
		if answer.Pod != "app-1" || answer.Labels["version"] != "v1" || answer.Method != "POST" || answer.Host != "www.example.test" ||
			answer.Path != "//y?status=418" || answer.Headers.Get("X-Test") != "yes" {
			t.Errorf("%+v", answer)
		}
		client.transport.CloseIdleConnections()
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	at := serve(t, newApp())
	plain, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	encrypted, err := tls.Dial("tcp", at, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	if name := encrypted.ConnectionState().PeerCertificates[0].Subject.CommonName; name != "app-1" {
		t.Errorf("the certificate is %s's", name)
	}
	for _, conn := range []net.Conn{plain, encrypted} {
		r := bufio.NewReader(conn)
		for _, line := range []string{"hello", "HELLO you"} {
			fmt.Fprintln(conn, line)
			if got, err := r.ReadString('\n'); got != "app-1 v1 "+line+"\n" {
				t.Errorf("%q: %v", got, err)
			}
		}
		conn.Close()
	}
}

func TestGRPC(t *testing.T) {
	t.Parallel()
	conn, err := grpc.NewClient(serve(t, newApp()), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	response, err := grpc_testing.NewTestServiceClient(conn).UnaryCall(t.Context(), &grpc_testing.SimpleRequest{})
	if err != nil || response.Hostname != "app-1" || response.ServerId != "v1" {
		t.Errorf("%v: %v", response, err)
	}
}

func TestCall(t *testing.T) {
	t.Parallel()
	other := serve(t, &App{Pod: "other"})
	response, err := http.Get("http://" + serve(t, newApp()) + "/?" + url.Values{"call": {"http://www.example.test/there?status=404"}, "at": {other}}.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 404 || !bytes.Contains(body, []byte(`"pod": "other"`)) || !bytes.Contains(body, []byte(`"host": "www.example.test"`)) {
		t.Errorf("%s, %s: %v", response.Status, body, err)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestSeen(t *testing.T) {
	t.Parallel()
	at := serve(t, newApp())
	for _, test := range []struct {
		id   string
		want int
	}{{"a", 1}, {"a", 2}, {"b", 1}, {"", 0}} {
		response, err := http.Get("http://" + at + "/?id=" + test.id)
		if err != nil {
			t.Fatal(err)
		}
		var answer Answer
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Seen != test.want {
			t.Errorf("id %q was seen %d times, want %d: %v", test.id, answer.Seen, test.want, err)
		}
		response.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
}
