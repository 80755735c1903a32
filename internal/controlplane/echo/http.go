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

// Answer is the JSON body of the response to an HTTP request.
type Answer struct {
	*App
	Method  string      `json:"method"`
	Host    string      `json:"host"`
	Path    string      `json:"path"` // as received, with the query
	Headers http.Header `json:"headers"`
	Seen    int         `json:"seen,omitempty"` // number of requests with the same ID so far
}

// handler answers HTTP requests and gRPC calls. The query of an HTTP request can have these parameters:
//
//	status=503       the status of the response
//	delay=2s         how long to wait before the response
//	id=x             an ID, to count the requests that have it
//	call=URL&at=A    respond with what a GET of the URL returns, with the request's header x-tester; the connection goes to address A
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
		io.Copy(io.Discard, r.Body) //nolint:errcheck // the response does not depend on the body
		var answer bytes.Buffer
		encoder := json.NewEncoder(&answer)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		encoder.Encode(Answer{App: a, Method: r.Method, Host: r.Host, Path: r.RequestURI, Headers: r.Header, Seen: seen}) //nolint:errcheck // encoding an Answer cannot fail
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(answer.Len()))
		if status, err := strconv.Atoi(query.Get("status")); err == nil {
			w.WriteHeader(status)
		}
		w.Write(answer.Bytes()) //nolint:errcheck // the client is gone
	})
}

// count returns how many requests with this ID were received, with this one, or 0 without an ID.
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

// call sends a request to a URL and forwards the response.
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
	io.Copy(w, response.Body) //nolint:errcheck // the client or the server is gone
}

// direct sends a request on a new connection to the address at, or to the URL's host if at is "".
func direct(r *http.Request, at string) (*http.Response, error) {
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, host string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, cmp.Or(at, host))
	}}
	return transport.RoundTrip(r)
}

// service implements the method of gRPC's test service that returns the name of the server.
type service struct {
	grpc_testing.UnimplementedTestServiceServer
	*App
}

func (s service) UnaryCall(context.Context, *grpc_testing.SimpleRequest) (*grpc_testing.SimpleResponse, error) {
	return &grpc_testing.SimpleResponse{ServerId: s.Labels["version"], Hostname: s.Pod}, nil
}
