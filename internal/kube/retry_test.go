package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflogtest"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func statusError(code int, reason metav1.StatusReason, message string) *apierrors.StatusError {
	return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message}}
}

var (
	tooMany     = apierrors.NewTooManyRequests("slow down", 0)
	unavailable = apierrors.NewServiceUnavailable("starting")
	internal    = apierrors.NewInternalError(errors.New("etcdserver: leader changed"))
	noWebhook   = apierrors.NewInternalError(errors.New(`failed calling webhook "validation.istio.io": failed to call webhook: Post "https://istiod.istio-system.svc:443/validate?timeout=10s": dial tcp 10.0.0.1:443: connect: connection refused`))
	timedOut    = apierrors.NewTimeoutError("request did not complete within requested timeout", 0)
	denied      = apierrors.NewBadRequest(`admission webhook "validation.istio.io" denied the request: no`)
	exists      = apierrors.NewAlreadyExists(schema.GroupResource{Resource: "virtualservices"}, "vs-1")
)

// Retry waits on synctest's clock, so these tests take no time.
func TestRetry(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answers   []error // the last one is repeated
		want      error   // nil for success
		attempts  int     // 0 for any number above 1
		ambiguous bool
	}{
		"success":                             {answers: []error{nil}, attempts: 1},
		"429, 502, 503 and 504 pass":          {answers: []error{tooMany, statusError(502, "", "bad gateway"), unavailable, timedOut, nil}, attempts: 5},
		"a webhook comes back":                {answers: []error{noWebhook, noWebhook, nil}, attempts: 3},
		"500 passes":                          {answers: []error{internal, nil}, attempts: 2},
		"denied":                              {answers: []error{denied}, want: denied, attempts: 1},
		"exists":                              {answers: []error{exists}, want: exists, attempts: 1},
		"501":                                 {answers: []error{statusError(501, "", "no")}, want: statusError(501, "", "no"), attempts: 1, ambiguous: true},
		"no answer":                           {answers: []error{errors.New("EOF")}, want: errors.New("EOF"), attempts: 1, ambiguous: true},
		"500 for good":                        {answers: []error{internal}, want: internal, ambiguous: true},
		"webhook gone for good":               {answers: []error{noWebhook}, want: noWebhook},
		"exists after what may have made it":  {answers: []error{timedOut, exists}, want: exists, attempts: 2, ambiguous: true},
		"exists after what did surely not":    {answers: []error{tooMany, noWebhook, exists}, want: exists, attempts: 3},
		"denied after what may have gone by ": {answers: []error{internal, denied}, want: denied, attempts: 2, ambiguous: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				attempts := 0
				err := Retry(ctx, func(context.Context) error {
					attempts++
					return test.answers[min(attempts, len(test.answers))-1]
				})
				if (err == nil) != (test.want == nil) || err != nil && err.Error() != test.want.Error() {
					t.Errorf("got %v, want %v", err, test.want)
				}
				if test.attempts != attempts && (test.attempts != 0 || attempts < 2) {
					t.Errorf("%d attempts, want %d", attempts, test.attempts)
				}
				if Ambiguous(err) != test.ambiguous {
					t.Errorf("ambiguous is %v", Ambiguous(err))
				}
				if ctx.Err() != nil {
					t.Error("it went on until the context ended")
				}
			})
		})
	}
}

func TestRetryEndsWithTheContextAndTellsTheLastAnswer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer    *apierrors.StatusError
		underWay  bool // the context ends during a request, not between two
		ambiguous bool
	}{
		"between two 429s":          {answer: tooMany},
		"between two 503s":          {answer: unavailable, ambiguous: true},
		"a request under way":       {answer: tooMany, underWay: true, ambiguous: true},
		"an expiring webhook, soon": {answer: noWebhook},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				attempts := 0
				err := Retry(ctx, func(ctx context.Context) error {
					if attempts++; attempts > 1 && test.underWay {
						<-ctx.Done()
						return fmt.Errorf("Post: %w", ctx.Err())
					}
					return test.answer
				})
				if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, test.answer) {
					t.Errorf("the error lacks the deadline or the last answer: %v", err)
				}
				if attempts < 2 {
					t.Errorf("%d attempts", attempts)
				}
				if Ambiguous(err) != test.ambiguous {
					t.Errorf("ambiguous is %v", Ambiguous(err))
				}
				diags := Diagnostics("create", vs1, err, nil)
				if !strings.HasSuffix(diags[0].Summary(), "not created: timed out") || !strings.Contains(diags[0].Detail(), said(test.answer.Status())) {
					t.Errorf("got %v", diags)
				}
				if settled := Settled(err); Ambiguous(settled) || !errors.Is(settled, context.DeadlineExceeded) || settled.Error() != err.Error() {
					t.Errorf("settled it is %v", settled)
				}
			})
		})
	}
}

func TestSettled(t *testing.T) {
	t.Parallel()
	lost := errors.New("EOF")
	if settled := Settled(lost); !Ambiguous(lost) || Ambiguous(settled) || !errors.Is(settled, lost) {
		t.Errorf("got %v", settled)
	}
}

func TestRetryHonoursRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var times []time.Time
		err := Retry(t.Context(), func(ctx context.Context) error {
			times = append(times, time.Now())
			if len(times) == 2 {
				return nil
			}
			ctx.Value(attemptKey{}).(*attempt).retryAfter = time.Minute // as the transport does
			return tooMany
		})
		if err != nil || len(times) != 2 || times[1].Sub(times[0]) < time.Minute {
			t.Errorf("attempts at %v, %v", times, err)
		}
	})
}

// On a real connection, only Retry waits: each response is logged, and the error has the last one.
func TestRetryOverHTTP(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	_, config := serve(t, newCertificate(t), func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 1 {
			w.Header().Set("Retry-After", "0")
			http.Error(w, "Too many requests, please try again later.", http.StatusTooManyRequests) // like API Priority and Fairness
			return
		}
		answerVS1(w, r)
	})
	config.Token = secret
	var output bytes.Buffer
	ctx := tflogtest.RootLogger(context.Background(), &output)
	cluster := newCluster(t, config)
	if err := Retry(ctx, cluster.getVS1); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(output.String(), `"status":429`); requests.Load() != 2 || got != 1 {
		t.Errorf("%d requests, %d logged as 429", requests.Load(), got)
	}

	_, config = serve(t, newCertificate(t), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		http.Error(w, "Too many requests, please try again later.", http.StatusTooManyRequests)
	})
	cluster = newCluster(t, config)
	ctx, cancel := context.WithCancel(ctx)
	err := Retry(ctx, func(ctx context.Context) error {
		defer cancel()
		return cluster.getVS1(ctx)
	})
	if !errors.Is(err, context.Canceled) || !apierrors.IsTooManyRequests(err) || Ambiguous(err) {
		t.Errorf("got %v", err)
	}

	_, config = serve(t, newCertificate(t), func(w http.ResponseWriter, _ *http.Request) {
		answerStatus(w, apierrors.NewUnauthorized("Unauthorized"))
	})
	config.Token = secret
	err = Retry(context.Background(), newCluster(t, config).getVS1)
	diags := Diagnostics("get", vs1, err, nil)
	if !strings.Contains(diags[0].Detail(), "the provider's token") || !strings.Contains(diags[0].Detail(), config.Host[len("https://"):]) {
		t.Errorf("the 401 does not name the credentials and the server: %v", diags)
	}
}
