// Package echo is an application for test pods: it answers with the name of the pod and what it received. On each port it serves HTTP/1,
// HTTP/2, gRPC and plain TCP, with and without TLS, and detects which of them a client uses.
package echo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// App is the application of one pod.
type App struct {
	Pod       string            `json:"pod"`
	Namespace string            `json:"namespace"`
	Labels    map[string]string `json:"labels,omitempty"`
	// Call sends a request to a URL, connecting to the address at if it is not "". nil connects directly.
	Call func(r *http.Request, at string) (*http.Response, error) `json:"-"`
	// Logf is called for each request; nil logs nothing.
	Logf func(format string, args ...any) `json:"-"`

	mu   sync.Mutex
	seen map[string]int // number of requests by ID
}

// Serve answers requests on the listeners until ctx ends. Then it accepts no new connections and waits up to patience for requests in progress.
func (a *App) Serve(ctx context.Context, patience time.Duration, listeners ...net.Listener) error {
	certificate, err := newCertificate(a.Pod)
	if err != nil {
		return err
	}
	s := &server{App: a, http: make(chan net.Conn), done: make(chan struct{}), open: make(map[net.Conn]bool)}
	s.tls.Certificates = append(s.tls.Certificates, *certificate)
	s.tls.NextProtos = []string{"h2", "http/1.1"}

	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	web := &http.Server{Handler: a.handler(), Protocols: &protocols, ReadHeaderTimeout: time.Minute}

	ended := make(chan error, len(listeners)+1)
	go func() { ended <- web.Serve(queue{s}) }()
	for _, l := range listeners {
		go func() { ended <- s.accept(l) }()
	}
	select {
	case err = <-ended:
	case <-ctx.Done():
		err = nil
	}
	for _, l := range listeners {
		l.Close()
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	web.Shutdown(limit) //nolint:errcheck // requests still in progress are aborted
	web.Close()
	s.closeAll()
	return err
}

// server hands each connection to the handler of its protocol.
type server struct {
	*App
	tls  tlsConfig
	http chan net.Conn // HTTP connections
	done chan struct{} // closed when the HTTP server accepts no more connections
	end  sync.Once

	mu   sync.Mutex
	open map[net.Conn]bool // connections that do not use HTTP, or whose protocol is not known yet
}

func (s *server) accept(l net.Listener) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		s.keep(conn)
		go s.serve(conn)
	}
}

// serve detects the protocol of a connection and serves it.
func (s *server) serve(conn net.Conn) {
	defer s.forget(conn)
	c := &peeked{Conn: conn, r: bufio.NewReader(conn)}
	if first, err := c.r.Peek(1); err == nil && first[0] == tlsHandshake {
		encrypted := s.tls.server(c)
		c = &peeked{Conn: encrypted, r: bufio.NewReader(encrypted)}
	}
	if !c.speaksHTTP() {
		s.lines(c)
		c.Close()
		return
	}
	select {
	case s.http <- c:
	case <-s.done:
		c.Close()
	}
}

// lines answers each line of a plain TCP client.
func (s *server) lines(c *peeked) {
	for {
		line, err := c.r.ReadString('\n')
		if line == "" {
			return
		}
		s.log("TCP %q", line)
		if _, werr := fmt.Fprintf(c, "%s %s %s\n", s.Pod, s.Labels["version"], strings.TrimRight(line, "\r\n")); err != nil || werr != nil {
			return
		}
	}
}

func (s *server) keep(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[c] = true
}

func (s *server) forget(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

func (s *server) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		c.Close()
	}
}

func (a *App) log(format string, args ...any) {
	if a.Logf != nil {
		a.Logf(format, args...)
	}
}

// peeked is a connection with a buffer, to look at bytes before they are read.
type peeked struct {
	net.Conn
	r *bufio.Reader
}

func (p *peeked) Read(b []byte) (int, error) { return p.r.Read(b) }

// speaksHTTP reports whether the first bytes are those of HTTP/1 or HTTP/2: a method and a space.
func (p *peeked) speaksHTTP() bool {
	for n := 1; n <= len("CONNECT "); n++ {
		begin, err := p.r.Peek(n)
		if err != nil {
			return false
		}
		switch b := begin[n-1]; {
		case b == ' ':
			return n > 1
		case b < 'A' || b > 'Z':
			return false
		}
	}
	return false
}

// queue is a net.Listener for the HTTP connections.
type queue struct{ *server }

func (q queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.http:
		return c, nil
	case <-q.done:
		return nil, errors.New("the application ended")
	}
}

func (q queue) Close() error {
	q.end.Do(func() { close(q.done) })
	return nil
}

func (q queue) Addr() net.Addr { return &net.TCPAddr{} }
