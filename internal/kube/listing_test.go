package kube

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var names = Listing[string]{Resource: vs1.Resource, Convert: func(o runtime.Object) (string, error) {
	object, err := meta.Accessor(o)
	return object.GetName(), err
}}

func answerList(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"apiVersion": "networking.istio.io/v1", "kind": "VirtualServiceList", "items": []any{newVS1().Object}})
}

// counted is a cluster that says how many requests there were.
func counted(t *testing.T, handler http.HandlerFunc) (*Cluster, *atomic.Int32) {
	t.Helper()
	var requests atomic.Int32
	_, config := serve(t, newCertificate(t), func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		handler(w, r)
	})
	return newCluster(t, config), &requests
}

func TestListing_shared(t *testing.T) {
	t.Parallel()
	cluster, requests := counted(t, answerList)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if got, known := names.In(t.Context(), cluster, "vamp-test1", time.Time{}); !known || len(got) != 1 || got[0] != "vs-1" {
				t.Errorf("got %v, %v", got, known)
			}
		})
	}
	wg.Wait()
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests for the same list, want 1", n)
	}
	if _, known := names.In(t.Context(), cluster, "vamp-test2", time.Time{}); !known || requests.Load() != 2 {
		t.Errorf("%d requests after one for another namespace, want 2", requests.Load())
	}
}

// Who asks after a write does not get what was read before, not even what was still being read.
func TestListing_since(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	cluster, requests := counted(t, func(w http.ResponseWriter, r *http.Request) {
		once.Do(func() {
			close(begun)
			<-release
		})
		answerList(w, r)
	})
	var wg sync.WaitGroup
	wg.Go(func() { names.In(t.Context(), cluster, "vamp-test1", time.Time{}) })
	<-begun
	written := time.Now()
	for range 10 {
		wg.Go(func() {
			if _, known := names.In(t.Context(), cluster, "vamp-test1", written); !known {
				t.Error("unknown")
			}
		})
	}
	close(release)
	wg.Wait()
	if n := requests.Load(); n != 2 {
		t.Errorf("%d requests, want one before the write and one after it", n)
	}
}

func TestListing_unknown(t *testing.T) {
	t.Parallel()
	forbidden := apierrors.NewForbidden(vs1.Resource.GroupResource(), "", nil)
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		again   int32 // requests when asked once more, for a later time
	}{
		"forbidden": {func(w http.ResponseWriter, _ *http.Request) { answerStatus(w, forbidden) }, 1},
		"no such kind": {func(w http.ResponseWriter, _ *http.Request) {
			answerStatus(w, apierrors.NewGenericServerResponse(http.StatusNotFound, "list", vs1.Resource.GroupResource(), "", "", 0, true))
		}, 2},
		"nonsense": {func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusOK, map[string]any{"kind": "x", "items": 1})
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, requests := counted(t, test.handler)
			for range 3 {
				if got, known := names.In(t.Context(), cluster, "vamp-test1", time.Time{}); known {
					t.Errorf("known: %v", got)
				}
			}
			first := requests.Load()
			names.In(t.Context(), cluster, "vamp-test1", time.Now())
			if n := requests.Load() - first + 1; n != test.again {
				t.Errorf("asked again %d times, want %d", n-1, test.again-1)
			}
		})
	}
}

// Who gives up does not take the list from the others, and what the server says by the way is nobody's.
func TestListing_detached(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}), make(chan struct{})
	cluster, requests := counted(t, func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-release
		w.Header().Set("Warning", `299 - "deprecated"`)
		answerList(w, r)
	})
	ctx, cancel := context.WithCancel(t.Context())
	ctx, warnings := WithWarnings(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, known := names.In(ctx, cluster, "vamp-test1", time.Time{}); known {
			t.Error("known to who has given up")
		}
	})
	<-begun
	cancel()
	wg.Wait()
	close(release)
	if _, known := names.In(t.Context(), cluster, "vamp-test1", time.Time{}); !known || requests.Load() != 1 {
		t.Errorf("known: %v, after %d requests", known, requests.Load())
	}
	if said := warnings.Diagnostics(vs1); len(said) > 0 {
		t.Errorf("warnings: %v", said)
	}
}

func TestListing_metadataOnly(t *testing.T) {
	t.Parallel()
	var accept string
	cluster, _ := counted(t, func(w http.ResponseWriter, r *http.Request) {
		accept = r.Header.Get("Accept")
		answer(w, http.StatusOK, metav1.PartialObjectMetadataList{
			TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadataList"},
			Items:    []metav1.PartialObjectMetadata{{ObjectMeta: metav1.ObjectMeta{Name: "p"}}},
		})
	})
	pods := Listing[string]{Resource: schema.GroupVersionResource{Version: "v1", Resource: "pods"}, MetadataOnly: true, Convert: names.Convert}
	if got, known := pods.In(t.Context(), cluster, "vamp-test1", time.Time{}); !known || len(got) != 1 || got[0] != "p" {
		t.Errorf("got %v, %v", got, known)
	}
	if !strings.Contains(accept, "as=PartialObjectMetadataList") {
		t.Errorf("asked for %s", accept)
	}
}
