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

// transport is the outermost layer of the client. It sees each request once, before credentials are added, and each failure, including those of
// a credential plugin.
type transport struct {
	next        http.RoundTripper
	credentials string   // where the credentials come from, for messages
	secrets     []string // masked in log lines
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

// unsentError is the error of a request that was not sent because there was no connection. Nothing can have been carried out.
type unsentError struct{ error }

func (e *unsentError) Unwrap() error { return e.error }

// Timeout reports whether the error was a timeout, because url.Error does not unwrap it to find out.
func (e *unsentError) Timeout() bool {
	var timeout net.Error
	return errors.As(e.error, &timeout) && timeout.Timeout()
}

// credentialsError is the failure of a credential plugin, without its output.
type credentialsError struct{ problem string }

func (e *credentialsError) Error() string { return "getting credentials: " + e.problem }

// credentialsOnly replaces the error of a credential plugin with one that does not contain the plugin's output. client-go's error may quote a
// token that was printed instead of an ExecCredential.
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

// wrapTokenFile makes the client read the bearer token file for each request. client-go would use an outdated token for up to a minute.
func wrapTokenFile(config *rest.Config) {
	file := config.BearerTokenFile
	if file == "" {
		return
	}
	config.BearerToken, config.BearerTokenFile = "", ""
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return &tokenFile{file, next} })
}

// tokenFile adds the bearer token in a file to requests.
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

// attempt collects what happened in a call of Retry's function. The transport finds it in the context.
type attempt struct {
	host        string
	credentials string // what the credentials are and where they come from, for messages
	retryAfter  time.Duration
	health      *health
}

type attemptKey struct{}

// takeRetryAfter removes Retry-After from a response, so that only Retry waits. client-go would wait up to ten times without a log line, and
// then report only the deadline.
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
