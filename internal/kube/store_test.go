package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
)

var names = Listing[string]{Resource: vs1.Resource, Convert: func(raw []byte) (string, error) {
	var object metav1.PartialObjectMetadata
	err := json.Unmarshal(raw, &object)
	return object.Name, err
}}

// vs returns an object like vs1 with another name.
func vs(i int) Object {
	o := vs1
	o.Name = fmt.Sprintf("vs-%03d", i)
	return o
}

func newVS(i int, version string) *unstructured.Unstructured {
	o := newVS1()
	o.SetName(vs(i).Name)
	o.SetResourceVersion(version)
	return o
}

// pages answers lists of n virtual services with size of them in each page, and gets of any.
func pages(n, size int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if name := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]; name != "virtualservices" {
			answerVS1(w, r)
			return
		}
		first, _ := strconv.Atoi(r.URL.Query().Get("continue"))
		var items []any
		for i := first; i < min(n, first+size); i++ {
			items = append(items, newVS(i, "7").Object)
		}
		metadata := map[string]any{"resourceVersion": "9"}
		if first+size < n {
			metadata["continue"] = strconv.Itoa(first + size)
		}
		answer(w, http.StatusOK, map[string]any{"apiVersion": "networking.istio.io/v1", "kind": "VirtualServiceList", "metadata": metadata, "items": items})
	}
}

// counted returns a cluster that counts its requests.
func counted(t *testing.T, handler http.HandlerFunc) (*Cluster, *atomic.Int32) {
	t.Helper()
	var requests atomic.Int32
	_, config := serve(t, newCertificate(t), func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		handler(w, r)
	})
	return newCluster(t, config), &requests
}

// Objects that are looked up concurrently are read in pages, each of them once.
func TestStore_find(t *testing.T) {
	t.Parallel()
	cluster, requests := counted(t, pages(50, 20))
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if live, err := cluster.Find(t.Context(), vs(i)); err != nil || live.GetName() != vs(i).Name || live.GetKind() != "VirtualService" {
				t.Errorf("found %v (%v)", live, err)
			}
		})
	}
	wg.Wait()
	if n := requests.Load(); n != 3 {
		t.Errorf("%d requests, want 3 pages", n)
	}
	if _, err := cluster.Find(t.Context(), vs(60)); err != nil || requests.Load() != 4 {
		t.Errorf("one that no list has is got by itself: %v, %d requests", err, requests.Load()-3)
	}
}

// A lookup reads only as many pages as it needs.
func TestStore_findReadsNoFurther(t *testing.T) {
	t.Parallel()
	cluster, requests := counted(t, pages(50, 20))
	for range 3 {
		if _, err := cluster.Find(t.Context(), vs(5)); err != nil {
			t.Fatal(err)
		}
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests, want the first page", n)
	}
}

// Without permission to list, each object is read with a get, and the list is tried once.
func TestStore_findForbidden(t *testing.T) {
	t.Parallel()
	var lists atomic.Int32
	cluster, requests := counted(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/virtualservices") {
			lists.Add(1)
			answerStatus(w, apierrors.NewForbidden(vs1.Resource.GroupResource(), "", nil))
			return
		}
		answerVS1(w, r)
	})
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			if _, err := cluster.Find(t.Context(), vs(i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if lists.Load() != 1 || requests.Load() != 11 {
		t.Errorf("%d lists, %d requests, want 1 and 11", lists.Load(), requests.Load())
	}
}

// A list whose continue token has expired starts again.
func TestStore_findExpired(t *testing.T) {
	t.Parallel()
	var expired atomic.Bool
	cluster, _ := counted(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("continue") && !expired.Swap(true) {
			answerStatus(w, apierrors.NewResourceExpired("too old"))
			return
		}
		pages(50, 20)(w, r)
	})
	if live, err := cluster.Find(t.Context(), vs(45)); err != nil || live.GetName() != vs(45).Name {
		t.Errorf("found %v (%v)", live, err)
	}
}

// Written objects are known immediately, and older versions do not replace them.
func TestStore_note(t *testing.T) {
	t.Parallel()
	cluster, requests := counted(t, pages(3, 20))
	all := func() []string {
		got, known := names.In(t.Context(), cluster, vs1.Namespace)
		if !known {
			t.Error("unknown")
		}
		return got
	}
	cluster.Note(vs(1), newVS(1, "8")) // before the list is read
	if got := all(); len(got) != 3 {
		t.Fatalf("got %v", got)
	}
	cluster.Note(vs(7), newVS(7, "11"))
	cluster.Note(vs(0), nil)
	if got, want := all(), []string{"vs-001", "vs-002", "vs-007"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	older := newVS(7, "10")
	older.SetLabels(map[string]string{"old": "yes"})
	cluster.Note(vs(7), older)
	if live, err := cluster.Find(t.Context(), vs(7)); err != nil || len(live.GetLabels()) > 0 {
		t.Errorf("found %v (%v)", live, err)
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// Keys find objects by their current state only.
func TestListing_keys(t *testing.T) {
	t.Parallel()
	cluster, _ := counted(t, pages(3, 20))
	labelled := Listing[*metav1.PartialObjectMetadata]{Resource: vs1.Resource,
		Convert: func(raw []byte) (o *metav1.PartialObjectMetadata, err error) { return o, json.Unmarshal(raw, &o) },
		Keys:    func(o *metav1.PartialObjectMetadata) []string { return slices.Sorted(maps.Keys(o.Labels)) },
	}
	found := func(keys ...string) (names []string) {
		all, known := labelled.In(t.Context(), cluster, vs1.Namespace, keys...)
		if !known {
			t.Error("unknown")
		}
		for _, o := range all {
			names = append(names, o.Name)
		}
		return names
	}
	if got := found("x", "y"); got != nil {
		t.Errorf("found %v", got)
	}
	for i, step := range []struct {
		object       int
		labels       []string // nil to delete it
		x, y, either []string
	}{
		{7, []string{"x", "y"}, []string{"vs-007"}, []string{"vs-007"}, []string{"vs-007"}},
		{1, []string{"x"}, []string{"vs-001", "vs-007"}, []string{"vs-007"}, []string{"vs-001", "vs-007"}},
		{7, []string{"y"}, []string{"vs-001"}, []string{"vs-007"}, []string{"vs-001", "vs-007"}},
		{1, nil, nil, []string{"vs-007"}, []string{"vs-007"}},
	} {
		var live *unstructured.Unstructured
		if step.labels != nil {
			live = newVS(step.object, strconv.Itoa(100+i))
			live.SetLabels(map[string]string{})
			for _, label := range step.labels {
				live.SetLabels(labels.Merge(live.GetLabels(), labels.Set{label: ""}))
			}
		}
		cluster.Note(vs(step.object), live)
		for _, one := range []struct{ got, want []string }{{found("x"), step.x}, {found("y"), step.y}, {found("x", "y"), step.either}} {
			if !slices.Equal(one.got, one.want) {
				t.Errorf("step %d: found %v, want %v", i, one.got, one.want)
			}
		}
	}
	if got := len(found()); got != 3 { // two that were listed and one that was written
		t.Errorf("%d in all, want 3", got)
	}
}

// Lists of all namespaces distinguish objects with the same name, and include objects written in any namespace.
func TestStore_allNamespaces(t *testing.T) {
	t.Parallel()
	cluster, _ := counted(t, func(w http.ResponseWriter, r *http.Request) {
		if want := "/apis/networking.istio.io/v1/virtualservices"; r.URL.Path != want {
			t.Errorf("asked for %s, want %s", r.URL.Path, want)
		}
		other := newVS(1, "7")
		other.SetNamespace("other")
		answer(w, http.StatusOK, map[string]any{"apiVersion": "networking.istio.io/v1", "kind": "VirtualServiceList",
			"metadata": map[string]any{"resourceVersion": "9"}, "items": []any{newVS(1, "7").Object, other.Object}})
	})
	for _, want := range []int{2, 3} {
		if got, known := names.In(t.Context(), cluster, metav1.NamespaceAll); !known || len(got) != want {
			t.Errorf("got %v, want %d", got, want)
		}
		cluster.Note(vs(7), newVS(7, "11"))
	}
}

// One watch sees what others write.
func TestStore_watch(t *testing.T) {
	t.Parallel()
	var watches atomic.Int32
	end := make(chan struct{})
	cluster, _ := counted(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("watch") == "" {
			pages(2, 20)(w, r)
			return
		}
		watches.Add(1)
		if from := r.URL.Query().Get("resourceVersion"); from != "9" {
			t.Errorf("watches from %s", from)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"type": "ADDED", "object": newVS(2, "10").Object})
		_ = json.NewEncoder(w).Encode(map[string]any{"type": "DELETED", "object": newVS(0, "11").Object})
		w.(http.Flusher).Flush()
		<-end
	})
	t.Cleanup(func() { close(end) }) // must run before the server is closed
	if got, known := names.In(t.Context(), cluster, vs1.Namespace); !known || len(got) != 2 {
		t.Fatal(got, known)
	}
	for range 5 {
		cluster.Watch()
	}
	var got []string
	if err := wait.PollUntilContextTimeout(t.Context(), time.Millisecond, 10*time.Second, true, func(context.Context) (bool, error) {
		got, _ = names.In(t.Context(), cluster, vs1.Namespace)
		return slices.Equal(got, []string{"vs-001", "vs-002"}), nil
	}); err != nil {
		t.Errorf("%v: got %v", err, got)
	}
	if n := watches.Load(); n != 1 {
		t.Errorf("%d watches, want 1", n)
	}
}

func TestListing_unknown(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"forbidden": func(w http.ResponseWriter, _ *http.Request) {
			answerStatus(w, apierrors.NewForbidden(vs1.Resource.GroupResource(), "", nil))
		},
		"no such kind": func(w http.ResponseWriter, _ *http.Request) {
			answerStatus(w, apierrors.NewGenericServerResponse(http.StatusNotFound, "list", vs1.Resource.GroupResource(), "", "", 0, true))
		},
		"nonsense": func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusOK, map[string]any{"kind": "x", "items": 1})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, _ := counted(t, handler)
			for range 3 {
				if got, known := names.In(t.Context(), cluster, vs1.Namespace); known {
					t.Errorf("known: %v", got)
				}
			}
		})
	}
}

// A caller that gives up does not end the list for others, and no caller gets the list's warnings.
func TestListing_detached(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	cluster, _ := counted(t, func(w http.ResponseWriter, r *http.Request) {
		once.Do(func() {
			close(begun)
			<-release
		})
		w.Header().Set("Warning", `299 - "deprecated"`)
		pages(1, 20)(w, r)
	})
	ctx, cancel := context.WithCancel(t.Context())
	ctx, warnings := WithWarnings(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, known := names.In(ctx, cluster, vs1.Namespace); known {
			t.Error("known to who has given up")
		}
	})
	<-begun
	cancel()
	wg.Wait()
	close(release)
	if _, known := names.In(t.Context(), cluster, vs1.Namespace); !known {
		t.Error("unknown")
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
	if got, known := pods.In(t.Context(), cluster, vs1.Namespace); !known || len(got) != 1 || got[0] != "p" {
		t.Errorf("got %v, %v", got, known)
	}
	if !strings.Contains(accept, "as=PartialObjectMetadataList") {
		t.Errorf("asked for %s", accept)
	}
}
