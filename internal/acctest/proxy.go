package acctest

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// IsDryRun reports whether the request is a dry run.
func IsDryRun(r *http.Request) bool { return r.URL.Query().Has("dryRun") }

// Proxy serves the API of the cluster under test through intercept, which can forward, delay or drop each request. It returns the path of a
// kubeconfig for it.
func Proxy(t *testing.T, intercept func(w http.ResponseWriter, r *http.Request, next http.Handler)) string {
	t.Helper()
	return proxy(t, Config(t), intercept)
}

// ProxyFor is like Proxy for the user of another kubeconfig, given by its path.
func ProxyFor(t *testing.T, account string, intercept func(w http.ResponseWriter, r *http.Request, next http.Handler)) string {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", account)
	if err != nil {
		t.Fatal(err)
	}
	return proxy(t, config, intercept)
}

func proxy(t *testing.T, config *rest.Config, intercept func(w http.ResponseWriter, r *http.Request, next http.Handler)) string {
	t.Helper()
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	upstream, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		t.Fatal(err)
	}
	next := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: upstream.Scheme, Host: upstream.Host})
	}}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { intercept(w, r, next) }))
	t.Cleanup(proxy.Close)

	return kubeconfig(t, &api.Cluster{Server: proxy.URL}, &api.AuthInfo{})
}

// Unreachable returns the path of a kubeconfig for an address at which nothing listens.
func Unreachable(t *testing.T) string {
	t.Helper()
	Config(t)
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	return kubeconfig(t, &api.Cluster{Server: server.URL}, &api.AuthInfo{})
}
