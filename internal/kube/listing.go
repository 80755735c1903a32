package kube

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/pager"
)

// listTimeout ends a list. Who can do without waits as long as he likes.
const listTimeout = 30 * time.Second

// Listing reads all objects of a kind in a namespace, for checks that can do without: what cannot be read is unknown, and no error.
// Whoever asks for the same gets the same list, which is not to be changed, so that hundreds of resources cost a handful of requests.
type Listing[T any] struct {
	Resource schema.GroupVersionResource
	// MetadataOnly leaves out the rest of objects that are large or hold secrets. They come as [metav1.PartialObjectMetadata].
	MetadataOnly bool
	Convert      func(runtime.Object) (T, error)
}

// In are the objects of the namespace as they were at since or later; false, if that is unknown.
func (l Listing[T]) In(ctx context.Context, c *Cluster, namespace string, since time.Time) ([]T, bool) {
	r := c.lists.read(ctx, listKey{l.Resource, namespace}, since, func(ctx context.Context) (any, error) { return l.all(ctx, c, namespace) })
	if r == nil {
		return nil, false
	}
	if r.err != nil {
		tflog.Debug(ctx, "unknown, so some checks are left out", map[string]any{"resource": l.Resource.Resource, "namespace": namespace, "error": r.err.Error()})
		return nil, false
	}
	return r.items.([]T), true
}

func (l Listing[T]) all(ctx context.Context, c *Cluster, namespace string) (items []T, err error) {
	pages := pager.New(func(ctx context.Context, options metav1.ListOptions) (list runtime.Object, err error) {
		err = Retry(ctx, func(ctx context.Context) (err error) {
			if l.MetadataOnly {
				list, err = c.metadata.Resource(l.Resource).Namespace(namespace).List(ctx, options)
			} else {
				list, err = c.Dynamic.Resource(l.Resource).Namespace(namespace).List(ctx, options)
			}
			return err
		})
		return list, err
	})
	list, _, err := pages.List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	return items, meta.EachListItem(list, func(object runtime.Object) error {
		item, err := l.Convert(object)
		items = append(items, item)
		return err
	})
}

// lists are the latest lists.
type lists struct {
	mu     sync.Mutex
	latest map[listKey]*reading
}

type listKey struct {
	resource  schema.GroupVersionResource
	namespace string
}

// reading is a list that is being read, or was.
type reading struct {
	began time.Time
	done  chan struct{}
	items any // a slice
	err   error
}

// serves reports whether what was read is what who asks for since asks for. That it is forbidden does not change.
func (r *reading) serves(since time.Time) bool {
	return !r.began.Before(since) || apierrors.IsForbidden(r.err)
}

// read returns a list that began at since or later. Of each there is one at a time: whoever comes too late for it shares the next one. It is
// nil when ctx ends before.
func (l *lists) read(ctx context.Context, key listKey, since time.Time, list func(context.Context) (any, error)) *reading {
	for {
		l.mu.Lock()
		r := l.latest[key]
		if r == nil || r.ended() && !r.serves(since) {
			r = &reading{began: time.Now(), done: make(chan struct{})}
			if l.latest == nil {
				l.latest = make(map[listKey]*reading)
			}
			l.latest[key] = r
			// It serves others too: it neither ends with ctx nor gives its warnings to who happened to be first.
			ctx, cancel := context.WithTimeout(context.WithValue(context.WithoutCancel(ctx), warningsKey{}, nil), listTimeout)
			go func() {
				defer cancel()
				defer close(r.done)
				r.items, r.err = list(ctx)
			}()
		}
		l.mu.Unlock()
		select {
		case <-r.done:
		case <-ctx.Done():
			return nil
		}
		if r.serves(since) {
			return r
		}
	}
}

func (r *reading) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}
