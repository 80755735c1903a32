package main

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// proxy forwards requests to the API server, can delay or reject them, and counts them.
type proxy struct {
	*httptest.Server
	delay  atomic.Int64 // delay of each request in ns
	refuse atomic.Bool  // whether to answer 503

	mu       sync.Mutex
	requests map[string]int // by verb; lists and watches also by path
}

func newProxy(config *rest.Config) (*proxy, error) {
	target, err := url.Parse(config.Host)
	if err != nil {
		return nil, err
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		return nil, err
	}
	p := &proxy{requests: make(map[string]int)}
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.Transport, forward.FlushInterval = transport, -1
	p.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		p.count(r)
		time.Sleep(time.Duration(p.delay.Load())) // simulates a distant server
		if p.refuse.Load() {
			http.Error(rw, "down", http.StatusServiceUnavailable)
			return
		}
		r.Header.Del("Authorization")
		forward.ServeHTTP(rw, r)
	}))
	return p, nil
}

// count counts a request. A list differs from a get by its limit, which the provider always sets.
func (p *proxy) count(r *http.Request) {
	verb := map[string]string{http.MethodPost: "create", http.MethodPatch: "patch", http.MethodDelete: "delete", http.MethodPut: "update"}[r.Method]
	query := r.URL.Query()
	switch {
	case query.Has("watch"):
		verb = "watch " + r.URL.Path
	case query.Has("limit"):
		verb = "list " + r.URL.Path
	case verb == "":
		verb = "get"
	}
	if query.Has("dryRun") {
		verb = "dry run"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests[verb]++
}

// take returns what was counted since the last call.
func (p *proxy) take() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	counted := maps.Clone(p.requests)
	clear(p.requests)
	return counted
}

// each returns the number of requests with the verb, and the largest number for one kind and namespace.
func each(counted map[string]int, verb string) (all, most int) {
	for what, n := range counted {
		if strings.HasPrefix(what, verb+" ") {
			all, most = all+n, max(most, n)
		}
	}
	return all, most
}

func total(counted map[string]int) (n int) {
	for _, c := range counted {
		n += c
	}
	return n
}

// kubeconfig writes a kubeconfig for the proxy and returns its path.
func (p *proxy) kubeconfig(dir string) (string, error) {
	config := clientcmdapi.NewConfig()
	config.Clusters["bench"] = &clientcmdapi.Cluster{Server: p.URL}
	config.AuthInfos["bench"] = &clientcmdapi.AuthInfo{}
	config.Contexts["bench"] = &clientcmdapi.Context{Cluster: "bench", AuthInfo: "bench"}
	config.CurrentContext = "bench"
	file := filepath.Join(dir, "kubeconfig")
	return file, clientcmd.WriteToFile(*config, file)
}
