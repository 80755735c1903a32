// Package echo is the application of pods that have none that could run: it says who was asked, and what. On each of its ports it speaks
// HTTP/1, HTTP/2, gRPC and plain TCP, all of them over TLS as well, whichever the client begins.
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

// App is an application: one of the pods of a version.
type App struct {
	Pod       string            `json:"pod"`
	Namespace string            `json:"namespace"`
	Labels    map[string]string `json:"labels,omitempty"`
	// Call calls others, by a connection to the address at, "" for that of the URL; nil is the usual way.
	Call func(r *http.Request, at string) (*http.Response, error) `json:"-"`
	// Logf is told of each request.
	Logf func(format string, args ...any) `json:"-"`

	mu   sync.Mutex
	seen map[string]int // requests by id
}

// Serve answers at the listeners until ctx ends. Then it takes no new connections and finishes what it has begun, within patience.
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
	web.Shutdown(limit) //nolint:errcheck // what is not done by then is cut off
	web.Close()
	s.closeAll()
	return err
}

// server gives each connection to whoever speaks its protocol.
type server struct {
	*App
	tls  tlsConfig
	http chan net.Conn // connections that speak HTTP
	done chan struct{} // closed when no more of them are taken
	end  sync.Once

	mu   sync.Mutex
	open map[net.Conn]bool // those that speak no HTTP, or nothing yet
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

// serve finds out what the client speaks.
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

// lines answers each line of a client that speaks no HTTP.
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

// peeked is a connection of which something was read ahead.
type peeked struct {
	net.Conn
	r *bufio.Reader
}

func (p *peeked) Read(b []byte) (int, error) { return p.r.Read(b) }

// speaksHTTP reports whether the client begins as HTTP/1 or HTTP/2 do: a method and a space.
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

// queue is a listener of the connections that speak HTTP.
type queue struct{ *server }

func (q queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.http:
		return c, nil
	case <-q.done:
		return nil, errors.New("the application has ended")
	}
}

func (q queue) Close() error {
	q.end.Do(func() { close(q.done) })
	return nil
}

func (q queue) Addr() net.Addr { return &net.TCPAddr{} }
