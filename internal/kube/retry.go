package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
)

// impatience is how long Retry goes on against a server error that seldom heals by itself: HTTP 500, among it a
// webhook that cannot be called. A restart of istiod fits in.
const impatience = 30 * time.Second

// Retry calls f until it succeeds, fails for good or ctx ends. It tries again, with jittered exponential
// backoff from 0.25 s to 5 s and never before the server's Retry-After is over:
//
//   - 429 and 502, 503, 504: until ctx ends;
//   - other 5xx, such as a webhook that cannot be called: until 30 s have passed since the first;
//   - a request that could not be sent, if the API server has answered before: it may be restarting;
//   - nothing else. The caller decides whether to send a request again that was sent and not answered.
//
// An API server that answers nothing for 40 s is down ([DownError]), to all that the provider asks of it.
//
// f is called with a context of its own, which its requests must use. An attempt that failed may have been
// carried out anyway: after one, [Ambiguous] is true of the final error, even of a 409 "already exists"
// that then says that the object may be one's own. When ctx ends, the error is both ctx's and the last answer:
// [errors.Is] finds context.DeadlineExceeded in it, and [Diagnostics] tells the last state seen.
func Retry(ctx context.Context, f func(context.Context) error) error { return retry(ctx, false, f) }

// Read is Retry for requests that change nothing: one that is not answered within 15 s, or whose answer is lost, is sent again.
func (c *Cluster) Read(ctx context.Context, f func(context.Context) error) error {
	return retry(ctx, true, func(ctx context.Context) error {
		ctx, cancel := c.health.limit(ctx)
		defer cancel()
		return f(ctx)
	})
}

func retry(ctx context.Context, harmless bool, f func(context.Context) error) error {
	backoff := wait.Backoff{Duration: 250 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 100, Cap: 5 * time.Second}
	var last *requestError
	var impatientSince time.Time
	for {
		a := new(attempt)
		err := f(context.WithValue(ctx, attemptKey{}, a))
		if err == nil {
			return nil
		}
		current := &requestError{error: err, attempt: *a, ambiguous: Ambiguous(err)}
		if last != nil {
			current.ambiguous = current.ambiguous || last.ambiguous
			if ctx.Err() != nil && !isStatus(err) { // ctx ended under the request: the state is what was answered before
				last.ambiguous = current.ambiguous
				return last.ended(ctx)
			}
		}
		last = current
		if a.health != nil && a.health.err() != nil {
			last.error = a.health.err()
			return last
		}
		again := retryable(err)
		if again == never && !isStatus(err) && ctx.Err() == nil && a.health.wasReached() && (harmless || errors.As(err, new(*unsentError))) {
			again = always
		}
		switch again {
		case never:
			return last
		case briefly:
			if impatientSince.IsZero() {
				impatientSince = time.Now()
			}
			if time.Since(impatientSince) > impatience {
				return last
			}
		case always:
			impatientSince = time.Time{}
		}
		timer := time.NewTimer(max(backoff.Step(), a.retryAfter))
		select {
		case <-ctx.Done():
			timer.Stop()
			return last.ended(ctx)
		case <-timer.C:
		}
	}
}

// requestError is an error of a request with what is known around it.
type requestError struct {
	error
	attempt   attempt // the last one
	ambiguous bool    // it or one before may have been carried out
	end       error   // of the context, which ended before the server gave another answer
}

func (e *requestError) Error() string {
	if e.end != nil {
		return fmt.Sprintf("%s; the last answer was: %s", e.end, e.error)
	}
	return e.error.Error()
}

func (e *requestError) Unwrap() []error {
	if e.end != nil {
		return []error{e.end, e.error}
	}
	return []error{e.error}
}

func (e *requestError) ended(ctx context.Context) error {
	e.end = context.Cause(ctx)
	if !errors.Is(e.end, ctx.Err()) {
		e.end = errors.Join(ctx.Err(), e.end)
	}
	return e
}

type retries int

const (
	never retries = iota
	briefly
	always
)

func retryable(err error) retries {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return never
	}
	switch code := status.Status().Code; {
	case code == http.StatusTooManyRequests, code == http.StatusBadGateway, code == http.StatusServiceUnavailable, code == http.StatusGatewayTimeout:
		return always
	case code >= http.StatusInternalServerError && code != http.StatusNotImplemented:
		return briefly
	}
	return never
}

func isStatus(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status)
}

// Ambiguous reports whether a write that failed with err may have been carried out anyway: the connection
// was lost or time ran out after it was sent, or the server failed while at it. It is false when the request
// was never sent, or was surely refused.
func Ambiguous(err error) bool {
	if err == nil {
		return false
	}
	var request *requestError
	if errors.As(err, &request) {
		return request.ambiguous
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		s := status.Status()
		// Webhooks are called before anything is stored.
		return s.Code >= http.StatusInternalServerError && !strings.Contains(s.Message, "failed calling webhook")
	}
	var unsent *unsentError
	return !errors.As(err, &unsent)
}

// Settled returns err for callers that have checked that nothing was carried out: it is not Ambiguous.
func Settled(err error) error {
	settled := requestError{error: err}
	var request *requestError
	if errors.As(err, &request) {
		settled = *request
		settled.ambiguous = false
	}
	return &settled
}
