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

// impatience is how long Retry retries server errors that are rarely transient: HTTP 500, such as for a webhook that cannot be called. A restart
// of istiod takes less time.
const impatience = 30 * time.Second

// Retry calls f until it succeeds, fails permanently or ctx ends. It retries with jittered exponential backoff from 0.25 s to 5 s, and not
// before the server's Retry-After:
//
//   - 429, 502, 503 and 504: until ctx ends;
//   - other 5xx, such as a webhook that cannot be called: until 30 s after the first one;
//   - a request that could not be sent, if the API server has answered before, because it may be restarting;
//   - nothing else. The caller decides whether to repeat a request that was sent but not answered.
//
// If the API server does not answer any request for 40 s, all requests fail with a [DownError].
//
// f gets its own context, which its requests must use. A failed attempt may have been carried out anyway. After such an attempt, [Ambiguous] is
// true for the final error, even for a 409 "already exists", which can then be about the provider's own object. If ctx ends, the error contains
// both ctx's error and the last response: [errors.Is] finds context.DeadlineExceeded, and [Diagnostics] shows the last response.
func Retry(ctx context.Context, f func(context.Context) error) error { return retry(ctx, false, f) }

// Read is like Retry for requests that change nothing. It repeats a request that is not answered within 15 s, or whose response is lost.
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
			if ctx.Err() != nil && !isStatus(err) { // ctx ended during the request, so the last response is from before
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

// requestError is an error of a request with its circumstances.
type requestError struct {
	error
	attempt   attempt // the last attempt
	ambiguous bool    // the last attempt or an earlier one may have been carried out
	end       error   // the context's error, if the context ended before another response
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

// Ambiguous reports whether a write that failed with err may have been carried out anyway: it was sent, and then the connection was lost, time
// ran out or the server failed. It returns false if the request was never sent or was certainly rejected.
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
		// Webhooks are called before objects are stored.
		return s.Code >= http.StatusInternalServerError && !strings.Contains(s.Message, "failed calling webhook")
	}
	var unsent *unsentError
	return !errors.As(err, &unsent)
}

// Settled returns err without Ambiguous, for callers that have checked that nothing was carried out.
func Settled(err error) error {
	settled := requestError{error: err}
	var request *requestError
	if errors.As(err, &request) {
		settled = *request
		settled.ambiguous = false
	}
	return &settled
}
