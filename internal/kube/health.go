package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// outage is how long the API server may not answer before the provider gives up: longer than a restart.
const outage = 40 * time.Second

// Patience is how long the provider waits for the answer to a request. Tests wait less.
var Patience = struct {
	Read   time.Duration // before it is sent again
	Write  time.Duration // before it is looked for what became of it; Ctrl-C ends it no earlier
	DryRun time.Duration // of a plan that can do without
}{15 * time.Second, 30 * time.Second, 10 * time.Second}

// health tracks whether an API server answers. All requests share it, so that the provider notices once that the server is down, however many
// resources there are.
type health struct {
	mu       sync.Mutex
	answered bool      // ever
	failing  time.Time // since when no request was answered; zero, if the last one was
	last     error     // of the last such request
	down     bool
}

// answer takes the status of the response to a request. One that only says that the API server does not answer is no answer.
func (h *health) answer(sent time.Time, code int) {
	switch code {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		h.fail(sent, fmt.Errorf("HTTP %d %s", code, http.StatusText(code)))
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answered, h.failing, h.down = true, time.Time{}, false
}

// fail notes that a request got no answer.
func (h *health) fail(sent time.Time, why error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failing.IsZero() {
		h.failing = sent
	}
	h.last = why
	h.down = h.down || time.Since(h.failing) > outage
}

// wasReached reports whether the API server has ever answered. One that never has is rather the wrong one than one that restarts.
func (h *health) wasReached() bool {
	if h == nil {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.answered
}

// err returns the reason not to send another request, nil if there is none.
func (h *health) err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.down {
		return nil
	}
	return &DownError{Since: h.failing, Last: h.last}
}

// limit ends a request that reads when it is time to send it again, or to give up.
func (h *health) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	end := time.Now().Add(Patience.Read)
	if last := h.failing.Add(outage); !h.failing.IsZero() && last.Before(end) {
		end = last.Add(time.Second)
	}
	return context.WithDeadlineCause(ctx, end, errNoAnswer)
}

var errNoAnswer = errors.New("no answer in time")

// DownError is an API server that has not answered for so long that the provider stopped trying.
type DownError struct {
	Since time.Time
	Last  error // what became of the last request
}

func (e *DownError) Error() string {
	return fmt.Sprintf("no answer since %s UTC, at last: %v", e.Since.UTC().Format(time.TimeOnly), e.Last)
}
