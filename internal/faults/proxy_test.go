package faults_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
)

// fault handles a request that fails.
type fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

var faults = map[string]fault{
	"refused": func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) },
	"lost": func(_ http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	},
	"hangs": func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body) // the server notices that the client is gone only once the body is read
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	},
	"500": answer(http.StatusInternalServerError, metav1.StatusReasonInternalError),
	"429": answer(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests),
	"403": answer(http.StatusForbidden, metav1.StatusReasonForbidden),
	"409": answer(http.StatusConflict, metav1.StatusReasonConflict),
}

func answer(code int, reason metav1.StatusReason) fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		status := metav1.Status{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure,
			Code: int32(code), Reason: reason, Message: "the test says no",
		}
		if code == http.StatusConflict && r.Method == http.MethodPost {
			status.Reason = metav1.StatusReasonAlreadyExists
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(status)
	}
}

// cell is an object with one request that fails.
type cell struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Type      string `json:"type"` // type of a gateway's Service

	fault fault  // nil for none
	fails string // name of the fault
	k     int64  // number of the request, from 1

	namespaces []string // the namespaces of the example's objects, instead of a namespace and a name

	met atomic.Int64           // number of requests
	hit atomic.Pointer[string] // the request that failed
}

func (c *cell) String() string { return c.Namespace + "/" + c.Name }

// intercept breaks the request if it is the cell's k-th.
func (c *cell) intercept(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if c.met.Add(1) != c.k {
		next.ServeHTTP(w, r)
		return
	}
	request := fmt.Sprintf("%s %s, dry run %v", r.Method, r.URL.Path, acctest.IsDryRun(r))
	c.hit.Store(&request)
	c.fault(w, r, next)
}

// about returns the namespace and name of the object of a request. The name is "" for a list.
func about(r *http.Request) (namespace, name string) {
	_, rest, ok := strings.Cut(r.URL.Path, "/namespaces/")
	parts := strings.Split(rest, "/")
	if !ok || len(parts) < 2 {
		return "", ""
	}
	switch {
	case len(parts) > 2:
		name = parts[2]
	case r.Method == http.MethodPost:
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		var object metav1.PartialObjectMetadata
		_ = json.Unmarshal(body, &object)
		name = object.Name
	}
	return parts[0], strings.TrimSuffix(strings.TrimSuffix(name, "-gateway"), renamed)
}

// writes reports whether a request writes.
func writes(r *http.Request) bool {
	return r.Method != http.MethodGet && !acctest.IsDryRun(r) && !strings.Contains(r.URL.Path, "selfsubject")
}
