package kube

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"
	"k8s.io/client-go/rest"
)

// transport is the outermost layer of the client: it sees each request once, before any credential is put into
// it, and each failure, a credential plugin's included.
type transport struct {
	next        http.RoundTripper
	credentials string   // where they come from, for people
	secrets     []string // masked in the log, whatever the text they stand in
	health      health
}

func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx := tflog.MaskAllFieldValuesStrings(request.Context(), t.secrets...)
	var connected atomic.Bool
	request = request.WithContext(httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	}))
	tried, _ := request.Context().Value(attemptKey{}).(*attempt)
	if tried != nil {
		tried.host, tried.credentials, tried.health = request.URL.Host, t.credentials, &t.health
	}
	if err := t.health.err(); err != nil {
		return nil, &unsentError{err}
	}
	start := time.Now()
	response, err := t.next.RoundTrip(request)
	fields := map[string]any{
		"method":      request.Method,
		"path":        request.URL.Path,
		"duration_ms": time.Since(start).Milliseconds(),
	}
	if request.URL.Query().Has("dryRun") {
		fields["dry_run"] = true
	}
	if err != nil {
		err = credentialsOnly(err)
		if !connected.Load() {
			err = &unsentError{err}
		}
		if !errors.Is(err, context.Canceled) && !errors.As(err, new(*credentialsError)) {
			t.health.fail(start, err)
		}
		fields["error"] = err.Error()
		tflog.Debug(ctx, "Kubernetes API request failed", fields)
		return nil, err
	}
	t.health.answer(start, response.StatusCode)
	fields["status"] = response.StatusCode
	tflog.Debug(ctx, "Kubernetes API request", fields)
	if tried != nil {
		tried.takeRetryAfter(response)
	}
	return response, nil
}

// unsentError is a request that never left: no connection was made, so nothing can have been carried out.
type unsentError struct{ error }

func (e *unsentError) Unwrap() error { return e.error }

// Timeout lets url.Error, which does not look deeper, say whether it was one.
func (e *unsentError) Timeout() bool {
	var timeout net.Error
	return errors.As(e.error, &timeout) && timeout.Timeout()
}

// credentialsError is a credential plugin that failed, without what it printed.
type credentialsError struct{ problem string }

func (e *credentialsError) Error() string { return "getting credentials: " + e.problem }

// credentialsOnly replaces the error of a credential plugin by one that holds nothing of the plugin's output:
// client-go's may quote a token that was printed instead of an ExecCredential.
func credentialsOnly(err error) error {
	problem, ok := strings.CutPrefix(err.Error(), "getting credentials: ")
	if !ok {
		return err
	}
	for _, prefix := range []string{"decoding stdout: ", "failed parsing client"} {
		if strings.HasPrefix(problem, prefix) {
			return &credentialsError{"the exec command's output is not a valid ExecCredential (client.authentication.k8s.io)"}
		}
	}
	return &credentialsError{firstLine(problem)}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(line)
}

// wrapTokenFile makes a bearer token file be read for each request. client-go's own reading would keep an
// outdated token for up to a minute.
func wrapTokenFile(config *rest.Config) {
	file := config.BearerTokenFile
	if file == "" {
		return
	}
	config.BearerToken, config.BearerTokenFile = "", ""
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return &tokenFile{file, next} })
}

// tokenFile puts the bearer token that a file holds into requests.
type tokenFile struct {
	name string
	next http.RoundTripper
}

func (f *tokenFile) RoundTrip(request *http.Request) (*http.Response, error) {
	data, err := os.ReadFile(f.name)
	if err != nil {
		return nil, &credentialsError{"the token file: " + err.Error()}
	}
	token := strings.TrimSpace(string(data))
	if token == "" {
		return nil, &credentialsError{"the token file " + f.name + " is empty"}
	}
	request = request.Clone(request.Context())
	request.Header.Set("Authorization", "Bearer "+token)
	return f.next.RoundTrip(request)
}

// attempt is what one call of Retry's function met. It travels in the context, where the transport finds it.
type attempt struct {
	host        string
	credentials string // what they are and where from, for people
	retryAfter  time.Duration
	health      *health
}

type attemptKey struct{}

// takeRetryAfter takes Retry-After off a response, so that Retry alone waits: client-go would do so up to ten
// times over, unseen, and then tell of the deadline only.
func (a *attempt) takeRetryAfter(response *http.Response) {
	a.retryAfter = 0
	if response.StatusCode != http.StatusTooManyRequests && response.StatusCode < http.StatusInternalServerError {
		return
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds >= 0 {
		a.retryAfter = time.Duration(seconds) * time.Second
	}
	response.Header.Del("Retry-After")
}
