package kube

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// network answers requests, on synctest's clock.
type network func(*http.Request) (*http.Response, error)

func (n network) RoundTrip(r *http.Request) (*http.Response, error) { return n(r) }

func status(code int) (*http.Response, error) {
	return &http.Response{StatusCode: code, Body: http.NoBody, Header: http.Header{}}, nil
}

// asked returns a cluster that uses a network, and a function that sends a request and converts the status to an error as client-go does.
func asked(t *testing.T, n network) (*Cluster, func(context.Context) error) {
	t.Helper()
	outermost := &transport{next: n}
	return &Cluster{health: &outermost.health}, func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://cluster.test/api", nil)
		if err != nil {
			t.Error(err)
		}
		response, err := (&http.Client{Transport: outermost}).Do(request)
		if err != nil {
			return err
		}
		if response.StatusCode == http.StatusServiceUnavailable {
			return unavailable
		}
		return nil
	}
}

var refused = &unsentError{syscall.ECONNREFUSED}

// An API server that restarts within 20 s causes no error, not even for writes.
func TestHealth_restart(t *testing.T) {
	t.Parallel()
	for name, during := range map[string]func() (*http.Response, error){
		"refuses connections": func() (*http.Response, error) { return nil, refused },
		"answers 503":         func() (*http.Response, error) { return status(http.StatusServiceUnavailable) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				cluster, request := asked(t, func(*http.Request) (*http.Response, error) {
					if since := time.Since(start); since > 0 && since < 20*time.Second {
						return during()
					}
					return status(http.StatusOK)
				})
				if err := Retry(t.Context(), request); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Millisecond) //nolint:forbidigo // on synctest's clock
				var all sync.WaitGroup
				for range 10 {
					all.Go(func() {
						if err := Retry(t.Context(), request); err != nil {
							t.Errorf("a write: %v", err)
						}
					})
					all.Go(func() {
						if err := cluster.Read(t.Context(), request); err != nil {
							t.Errorf("a read: %v", err)
						}
					})
				}
				all.Wait()
			})
		})
	}
}

// If the API server does not come back, all requests give up at the same time, and no more are sent.
func TestHealth_down(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]network{
		"refuses connections": func(*http.Request) (*http.Response, error) { return nil, refused },
		"answers 503":         func(*http.Request) (*http.Response, error) { return status(http.StatusServiceUnavailable) },
		"says nothing": func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		},
		"breaks connections": func(*http.Request) (*http.Response, error) { return nil, errors.New("EOF") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var up atomic.Bool
				var sent atomic.Int32
				up.Store(true)
				cluster, request := asked(t, func(r *http.Request) (*http.Response, error) {
					if up.Load() {
						return status(http.StatusOK)
					}
					sent.Add(1)
					return answer(r)
				})
				if err := cluster.Read(t.Context(), request); err != nil {
					t.Fatal(err)
				}
				up.Store(false)
				start := time.Now()
				var all sync.WaitGroup
				for range 50 {
					all.Go(func() {
						var down *DownError
						if err := cluster.Read(t.Context(), request); !errors.As(err, &down) || down.Last == nil {
							t.Errorf("got %v", err)
						}
					})
				}
				all.Wait()
				if passed := time.Since(start); passed < 30*time.Second || passed > 50*time.Second {
					t.Errorf("given up after %s", passed)
				}
				before := sent.Load()
				for range 1000 {
					err := cluster.Read(t.Context(), request)
					if !errors.As(err, new(*DownError)) || Ambiguous(err) {
						t.Fatalf("got %v", err)
					}
					if diags := Diagnostics("get", vs1, err, nil); len(diags) != 1 || !strings.Contains(diags[0].Summary(), "not read: the API server does not answer") {
						t.Fatalf("explained as %v", diags)
					}
				}
				if sent.Load() != before || time.Since(start) > time.Minute {
					t.Errorf("%d more requests, until %s", sent.Load()-before, time.Since(start))
				}
			})
		})
	}
}

// If the API server has never answered, requests do not wait for it, because the address is probably wrong.
func TestHealth_neverReached(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		cluster, request := asked(t, func(*http.Request) (*http.Response, error) { return nil, refused })
		if err := cluster.Read(t.Context(), request); !errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, new(*DownError)) {
			t.Errorf("got %v", err)
		}
		if time.Since(start) > 0 {
			t.Errorf("waited for %s", time.Since(start))
		}
	})
}

// A write without an answer is not sent again, because it may have been carried out.
func TestHealth_lostWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		cluster, request := asked(t, func(r *http.Request) (*http.Response, error) {
			httptrace.ContextClientTrace(r.Context()).GotConn(httptrace.GotConnInfo{})
			if attempts++; attempts == 2 || attempts == 3 {
				return nil, errors.New("EOF")
			}
			return status(http.StatusOK)
		})
		if err := Retry(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		if err := Retry(t.Context(), request); err == nil || attempts != 2 {
			t.Errorf("%d attempts, %v", attempts, err)
		}
		if err := cluster.Read(t.Context(), request); err != nil || attempts != 4 {
			t.Errorf("a read ends after %d attempts: %v", attempts, err)
		}
	})
}
