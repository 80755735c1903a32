package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflogtest"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

var discard = log.New(io.Discard, "", 0)

func TestRequestsAreLogged(t *testing.T) {
	t.Parallel()
	_, config := serve(t, newCertificate(t), func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			answerStatus(w, apierrors.NewBadRequest("no"))
			return
		}
		answerVS1(w, r)
	})
	config.Token = secret
	config.UserAgent = "terraform-provider-lamia/test"
	var output bytes.Buffer
	ctx := tflogtest.RootLogger(context.Background(), &output)
	cluster := newCluster(t, config)
	if err := cluster.getVS1(ctx); err != nil {
		t.Fatal(err)
	}
	_ = cluster.createVS1(ctx)

	lines, err := tflogtest.MultilineJSONDecode(bytes.NewReader(output.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != 2 {
		t.Fatalf("want a line per request, got %v", lines)
	}
	const objects = "/apis/networking.istio.io/v1/namespaces/vamp-test1/virtualservices"
	for i, want := range []map[string]any{
		{"@level": "debug", "method": "GET", "path": objects + "/vs-1", "status": 200.0, "dry_run": nil},
		{"@level": "debug", "method": "POST", "path": objects, "status": 400.0, "dry_run": true},
	} {
		for key, value := range want {
			if lines[i][key] != value {
				t.Errorf("line %d: %s is %v, want %v", i, key, lines[i][key], value)
			}
		}
		if _, ok := lines[i]["duration_ms"].(float64); !ok {
			t.Errorf("line %d has no duration: %v", i, lines[i])
		}
	}
	if strings.Contains(output.String(), secret) {
		t.Errorf("the log shows the token: %s", &output)
	}
}

func TestRequestsCarryCredentialsAndUserAgent(t *testing.T) {
	t.Parallel()
	var got atomic.Value
	_, config := serve(t, newCertificate(t), func(w http.ResponseWriter, r *http.Request) {
		got.Store(r.Header.Get("Authorization") + " from " + r.Header.Get("User-Agent"))
		answerVS1(w, r)
	})
	config.Token, config.UserAgent = "t0ken", "terraform-provider-lamia/1.2.3"
	if err := newCluster(t, config).getVS1(context.Background()); err != nil {
		t.Fatal(err)
	}
	if want := "Bearer t0ken from terraform-provider-lamia/1.2.3"; got.Load() != want {
		t.Errorf("got %q, want %q", got.Load(), want)
	}
}

func TestThereIsNoClientSideRateLimit(t *testing.T) {
	t.Parallel()
	// By default, client-go allows a burst of 10 requests and then 5 per second. 200 requests would exceed the deadline.
	_, config := serve(t, newCertificate(t), answerVS1)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	cluster := newCluster(t, config)
	for range 200 {
		if err := cluster.getVS1(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTokenFileIsReadAsItChanges(t *testing.T) {
	t.Parallel()
	var got atomic.Value
	_, config := serve(t, newCertificate(t), func(w http.ResponseWriter, r *http.Request) {
		got.Store(r.Header.Get("Authorization"))
		answerVS1(w, r)
	})
	config.TokenFile = write(t, "token", "first\n")
	cluster := newCluster(t, config)
	for _, token := range []string{"first", "second"} {
		if err := os.WriteFile(config.TokenFile, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := cluster.getVS1(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got.Load() != "Bearer "+token {
			t.Errorf("sent %q, want the token %q", got.Load(), token)
		}
	}
	if err := os.Remove(config.TokenFile); err != nil {
		t.Fatal(err)
	}
	err := cluster.createVS1(context.Background())
	if err == nil || !strings.Contains(err.Error(), config.TokenFile) || Ambiguous(err) {
		t.Errorf("a removed token file gives: %v", err)
	}
}

func TestExecCommandFailsDiscreetly(t *testing.T) {
	t.Parallel()
	_, config := serve(t, newCertificate(t), answerVS1)
	for name, test := range map[string]struct{ script, want string }{
		"prints a bare token":      {"echo " + secret, "not a valid ExecCredential"},
		"prints broken JSON":       {`echo '{"status": {"token": ["` + secret + `"]}, "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}'`, "not a valid ExecCredential"},
		"prints YAML":              {`echo 'status: ` + secret + `'`, "plugin returned version"},
		"prints a broken key":      {`echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"clientKeyData": "` + secret + `", "clientCertificateData": "` + secret + `"}}'`, "not a valid ExecCredential"},
		"fails":                    {"exit 3", "exit code 3"},
		"prints another's version": {`echo '{"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential", "status": {"token": "` + secret + `"}}'`, "v1beta1"},
		"does not exist":           {"", "no-such-plugin not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := config
			config.Exec = &Exec{APIVersion: ExecAPIVersions[0], Command: "/bin/sh", Args: []string{"-c", test.script}, Env: map[string]string{"SECRET": secret}}
			if test.script == "" {
				config.Exec.Command = "no-such-plugin"
			}
			var output bytes.Buffer
			err := newCluster(t, config).createVS1(tflogtest.RootLogger(context.Background(), &output))
			if err == nil {
				t.Fatal("no error")
			}
			diags := Diagnostics("create", vs1, err, nil)
			if want := `VirtualService "vamp-test1/vs-1" not created: no credentials`; diags[0].Summary() != want {
				t.Errorf("summary %q, want %q", diags[0].Summary(), want)
			}
			if !strings.Contains(diags[0].Detail(), test.want) {
				t.Errorf("the detail does not mention %q: %s", test.want, diags[0].Detail())
			}
			if Ambiguous(err) {
				t.Error("no request was sent, yet it is called ambiguous")
			}
			if shown := fmt.Sprint(err, diags, output.String()); strings.Contains(shown, secret) {
				t.Errorf("shows a secret: %s", shown)
			}
			if !strings.Contains(output.String(), "Kubernetes API request failed") {
				t.Errorf("the failure is not logged: %s", &output)
			}
		})
	}
}

func TestExecCommandGivesCredentials(t *testing.T) {
	t.Parallel()
	var got atomic.Value
	_, config := serve(t, newCertificate(t), func(w http.ResponseWriter, r *http.Request) {
		got.Store(r.Header.Get("Authorization"))
		answerVS1(w, r)
	})
	config.Exec = &Exec{APIVersion: ExecAPIVersions[0], Command: "/bin/sh", Env: map[string]string{"WHO": "me"}, Args: []string{"-c",
		`echo "{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": {\"token\": \"token-$WHO\"}}"`}}
	if err := newCluster(t, config).getVS1(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got.Load() != "Bearer token-me" {
		t.Errorf("sent %q", got.Load())
	}
}

func TestServerWarnings(t *testing.T) {
	t.Parallel()
	_, config := serve(t, newCertificate(t), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Warning", `299 - "networking.istio.io/v1alpha3 is deprecated"`)
		w.Header().Add("Warning", `299 istiod "host not found"`)
		w.Header().Add("Warning", `110 - "stale"`)
		answerVS1(w, r)
	})
	cluster := newCluster(t, config)
	ctx, warnings := WithWarnings(context.Background())
	_, others := WithWarnings(context.Background())
	for range 2 {
		if err := cluster.getVS1(ctx); err != nil {
			t.Fatal(err)
		}
	}
	diags := warnings.Diagnostics(vs1)
	if diags.HasError() || diags.WarningsCount() != 2 {
		t.Fatalf("want two warnings, got %v", diags)
	}
	for i, detail := range []string{"networking.istio.io/v1alpha3 is deprecated", "host not found"} {
		if want := `The API server warns about VirtualService "vamp-test1/vs-1"`; diags[i].Summary() != want || diags[i].Detail() != detail {
			t.Errorf("warning %d is %q: %q", i, diags[i].Summary(), diags[i].Detail())
		}
	}
	if diags := others.Diagnostics(vs1); len(diags) != 0 {
		t.Errorf("another operation got the warnings: %v", diags)
	}
	var output bytes.Buffer
	if err := cluster.getVS1(tflogtest.RootLogger(context.Background(), &output)); err != nil || !strings.Contains(output.String(), "host not found") {
		t.Errorf("a warning that no one collects is not logged: %v %s", err, &output)
	}
}

// A server may have carried out a request if it closed the connection after reading it, but not if it never received it.
func TestAmbiguousConnections(t *testing.T) {
	t.Parallel()
	received := make(chan struct{}, 1)
	hangUp, hangUpConfig := serve(t, newCertificate(t), func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		received <- struct{}{}
		panic(http.ErrAbortHandler)
	})
	err := newCluster(t, hangUpConfig).createVS1(context.Background())
	<-received
	checkProblem(t, err, true, "the connection was lost", strings.TrimPrefix(hangUp.URL, "https://"), "may have been made")

	never := make(chan struct{})
	_, slowConfig := serve(t, newCertificate(t), func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		received <- struct{}{}
		<-never
	})
	t.Cleanup(func() { close(never) })
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-received; cancel() }()
	err = newCluster(t, slowConfig).createVS1(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("not the context's error: %v", err)
	}
	checkProblem(t, err, true, "cancelled", "may have been made")

	const nobody = "127.0.0.1:1" // a port that was free a moment ago may now belong to another test
	checkProblem(t, newCluster(t, Config{Host: "https://" + nobody}).createVS1(context.Background()), false, "connection refused", nobody, "host")
}

// checkProblem checks how the error of a failed create of vs-1 is explained.
func checkProblem(t *testing.T, err error, ambiguous bool, what string, details ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", what)
		return
	}
	if got := Ambiguous(err); got != ambiguous {
		t.Errorf("%s: ambiguous is %v, want %v: %v", what, got, ambiguous, err)
	}
	diags := Diagnostics("create", vs1, err, nil)
	if want := `VirtualService "vamp-test1/vs-1" not created: ` + what; len(diags) != 1 || diags[0].Summary() != want {
		t.Errorf("got %v, want %q", diags, want)
		return
	}
	for _, detail := range details {
		if !strings.Contains(diags[0].Detail(), detail) {
			t.Errorf("%s: the detail does not mention %q: %s", what, detail, diags[0].Detail())
		}
	}
}

func TestConnectionProblems(t *testing.T) {
	t.Parallel()
	trusted := newCertificate(t)
	server, config := serve(t, trusted, answerVS1)
	_, expired := serve(t, makeCertificate(t, time.Now().Add(-time.Hour), []net.IP{{127, 0, 0, 1}}, nil), answerVS1)
	_, named := serve(t, makeCertificate(t, time.Now().Add(time.Hour), nil, []string{"kubernetes.test"}), answerVS1)
	plain := httptest.NewServer(http.HandlerFunc(answerVS1))
	t.Cleanup(plain.Close)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	t.Cleanup(proxy.Close)
	deadProxy := httptest.NewServer(nil)
	deadProxy.Close()

	for name, test := range map[string]struct {
		change  func(*Config)
		what    string
		details []string
	}{
		"unknown authority": {func(c *Config) { c.ClusterCACertificate = newCertificate(t).pem },
			"the server's certificate is not trusted", []string{"cluster_ca_certificate", "insecure", "unknown authority", strings.TrimPrefix(server.URL, "https://")}},
		"no authority": {func(c *Config) { c.ClusterCACertificate = "" },
			"the server's certificate is not trusted", nil},
		"another name": {func(c *Config) { *c = named },
			"the server's certificate is for another name", []string{"tls_server_name"}},
		"another TLS server name": {func(c *Config) { c.TLSServerName = "other.test" },
			"the server's certificate is for another name", []string{"other.test"}},
		"expired": {func(c *Config) { *c = expired },
			"the server's certificate is not valid", []string{"expired", "clock"}},
		"no TLS": {func(c *Config) { c.Host = strings.Replace(plain.URL, "http://", "https://", 1) },
			"the server does not speak TLS", []string{"http://"}},
		"proxy that asks for a password": {func(c *Config) { c.ProxyURL = strings.Replace(proxy.URL, "http://", "http://me:"+secret+"@", 1) },
			"the proxy cannot be used", []string{"proxy_url"}},
		"dead proxy": {func(c *Config) { c.ProxyURL = strings.Replace(deadProxy.URL, "http://", "http://me:"+secret+"@", 1) },
			"the proxy cannot be used", []string{"refused", "proxy_url"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := config
			test.change(&config)
			var output bytes.Buffer
			err := newCluster(t, config).createVS1(tflogtest.RootLogger(context.Background(), &output))
			checkProblem(t, err, false, test.what, test.details...)
			if shown := fmt.Sprint(err, output.String()); strings.Contains(shown, secret) {
				t.Errorf("shows a secret: %s", shown)
			}
		})
	}

	t.Run("ways that work", func(t *testing.T) {
		t.Parallel()
		insecure := Config{Host: named.Host, Insecure: true}
		named := named
		named.TLSServerName = "kubernetes.test"
		for _, config := range []Config{config, insecure, named} {
			if err := newCluster(t, config).getVS1(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
}
