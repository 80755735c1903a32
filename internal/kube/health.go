package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// outage is how long the provider waits for an API server that does not answer: longer than a restart takes.
const outage = 40 * time.Second

// Patience is how long the provider waits for the response to a request. Tests reduce it.
var Patience = struct {
	Read   time.Duration // before the request is sent again
	Write  time.Duration // before the provider reads whether the write was carried out; Ctrl-C does not shorten it
	DryRun time.Duration // for the dry run of an object
}{15 * time.Second, 30 * time.Second, 10 * time.Second}

// health tracks whether an API server answers. All requests share it, so that the provider notices once that the server is down, however many
// resources there are.
type health struct {
	mu       sync.Mutex
	answered bool      // whether the API server has ever answered
	failing  time.Time // when the first unanswered request was sent; zero if the last request was answered
	last     error     // the error of the last unanswered request
	down     bool
}

// answer records the status of a response. The statuses of an API server that is not available count as no answer.
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

// fail records that a request got no answer.
func (h *health) fail(sent time.Time, why error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failing.IsZero() {
		h.failing = sent
	}
	h.last = why
	h.down = h.down || time.Since(h.failing) > outage
}

// wasReached reports whether the API server has ever answered. If not, the address is probably wrong.
func (h *health) wasReached() bool {
	if h == nil {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.answered
}

// err returns the reason not to send another request, or nil.
func (h *health) err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.down {
		return nil
	}
	return &DownError{Since: h.failing, Last: h.last}
}

// limit returns a context for a read, which ends when the read must be sent again or given up.
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

// DownError means that the API server has not answered for so long that the provider gave up.
type DownError struct {
	Since time.Time
	Last  error // the error of the last request
}

func (e *DownError) Error() string {
	return fmt.Sprintf("no answer since %s UTC, at last: %v", e.Since.UTC().Format(time.TimeOnly), e.Last)
}
