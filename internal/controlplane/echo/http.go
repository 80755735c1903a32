package echo

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/interop/grpc_testing"
)

// Answer is what the application says to an HTTP request, as JSON.
type Answer struct {
	*App
	Method  string      `json:"method"`
	Host    string      `json:"host"`
	Path    string      `json:"path"` // with the query, as it arrived
	Headers http.Header `json:"headers"`
	Seen    int         `json:"seen,omitempty"` // how many requests with this id have arrived
}

// handler answers HTTP requests and gRPC calls. The query of an HTTP request may ask for more:
//
//	status=503       the status of the answer
//	delay=2s         how long it takes
//	id=x             to count the requests with this id
//	call=URL&at=A    the answer to a GET of the URL and the header x-tester of the request, for which the application connects to the
//	                 address A
func (a *App) handler() http.Handler {
	calls := grpc.NewServer()
	grpc_testing.RegisterTestServiceServer(calls, service{App: a})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			a.log("gRPC %s", r.URL.Path)
			calls.ServeHTTP(w, r)
			return
		}
		a.log("%s %s %s%s", r.Proto, r.Method, r.Host, r.RequestURI)
		query := r.URL.Query()
		seen := a.count(query.Get("id"))
		if delay, err := time.ParseDuration(query.Get("delay")); err == nil {
			select {
			case <-time.After(delay):
			case <-r.Context().Done():
				return
			}
		}
		if url := query.Get("call"); url != "" {
			a.call(w, r, url, query.Get("at"))
			return
		}
		io.Copy(io.Discard, r.Body) //nolint:errcheck // the answer does not depend on it
		var answer bytes.Buffer
		encoder := json.NewEncoder(&answer)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		encoder.Encode(Answer{App: a, Method: r.Method, Host: r.Host, Path: r.RequestURI, Headers: r.Header, Seen: seen}) //nolint:errcheck // it can be encoded
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(answer.Len()))
		if status, err := strconv.Atoi(query.Get("status")); err == nil {
			w.WriteHeader(status)
		}
		w.Write(answer.Bytes()) //nolint:errcheck // the client has gone
	})
}

// count counts a request with an id.
func (a *App) count(id string) int {
	if id == "" {
		return 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen == nil {
		a.seen = make(map[string]int)
	}
	a.seen[id]++
	return a.seen[id]
}

// call passes on the answer of another.
func (a *App) call(w http.ResponseWriter, r *http.Request, url, at string) {
	request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, url, nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if tester := r.Header.Values("x-tester"); tester != nil {
		request.Header["X-Tester"] = tester
	}
	call := a.Call
	if call == nil {
		call = direct
	}
	response, err := call(request, at)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	w.WriteHeader(response.StatusCode)
	io.Copy(w, response.Body) //nolint:errcheck // the client, or who was called, has gone
}

// direct makes a request by a connection of its own.
func direct(r *http.Request, at string) (*http.Response, error) {
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, host string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, cmp.Or(at, host))
	}}
	return transport.RoundTrip(r)
}

// service is the part of gRPC's own test service that says who was asked.
type service struct {
	grpc_testing.UnimplementedTestServiceServer
	*App
}

func (s service) UnaryCall(context.Context, *grpc_testing.SimpleRequest) (*grpc_testing.SimpleResponse, error) {
	return &grpc_testing.SimpleResponse{ServerId: s.Labels["version"], Hostname: s.Pod}, nil
}
