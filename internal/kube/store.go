package kube

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

const (
	// pageSize is the number of objects in a page of a list, the same as kubectl's.
	pageSize = 500
	// watching is how long the store watches objects: longer than an apply waits for anything.
	watching = 10 * time.Minute
)

// store caches the objects of the cluster that were read, as JSON, so that hundreds of resources need only a few requests.
type store struct {
	mu      sync.Mutex
	sets    map[setKey]*set
	derived map[any]func() any // by key, results of callers of Derived
	noted   bool               // an object was written or watched, so derived results may be outdated
}

type setKey struct {
	resource     schema.GroupVersionResource
	namespace    string // "" for all namespaces
	metadataOnly bool
}

// set contains the known objects of a resource in a namespace. It reads them page by page, only as far as needed.
type set struct {
	setKey
	cluster *Cluster
	turn    chan struct{} // held by the caller that reads the next page

	mu       sync.Mutex
	items    map[string]*item // by name, or <namespace>/<name> for all namespaces; items without JSON are deleted
	pages    int              // number of pages read so far
	next     string           // continue token of the list
	version  string           // resource version of the list, to watch from
	complete bool
	refused  error // the API server's rejection, so that lists are not tried again
	restarts int
	watched  bool
	view     any             // a Listing's view of the items, except for those that
	changed  map[string]bool // have changed since then
}

type item struct {
	raw       json.RawMessage
	version   string
	converted any
}

func (c *Cluster) set(key setKey) *set {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	s, ok := c.store.sets[key]
	if !ok {
		s = &set{setKey: key, cluster: c, turn: make(chan struct{}, 1), items: make(map[string]*item), changed: make(map[string]bool)}
		if c.store.sets == nil {
			c.store.sets = make(map[setKey]*set)
		}
		c.store.sets[key] = s
	}
	return s
}

// Get reads an object.
func (c *Cluster) Get(ctx context.Context, o Object) (live *unstructured.Unstructured, err error) {
	err = c.Read(ctx, func(ctx context.Context) error {
		live, err = c.Dynamic.Resource(o.Resource).Namespace(o.Namespace).Get(ctx, o.Name, metav1.GetOptions{})
		return err
	})
	return live, err
}

// Find is like Get for callers that accept the object's state at any time since the Cluster was created. It reads the objects of the kind and
// namespace in lists. Without permission to list, or if the lists do not contain the object, it gets the object.
func (c *Cluster) Find(ctx context.Context, o Object) (*unstructured.Unstructured, error) {
	s := c.set(setKey{resource: o.Resource, namespace: o.Namespace})
	for {
		found, pages, ended := s.look(o.Name)
		switch {
		case found != nil:
			live := &unstructured.Unstructured{}
			if err := utiljson.Unmarshal(found, &live.Object); err != nil {
				return nil, err
			}
			live.SetGroupVersionKind(o.Resource.GroupVersion().WithKind(o.Kind)) // items of lists lack it
			return live, nil
		case ended:
			return c.Get(ctx, o)
		}
		if err := s.read(ctx, pages); err != nil {
			return nil, err
		}
	}
}

// Note tells the store that an object was written, or deleted if live is nil.
func (c *Cluster) Note(o Object, live *unstructured.Unstructured) {
	for _, namespace := range []string{o.Namespace, metav1.NamespaceAll} {
		c.store.mu.Lock()
		s := c.store.sets[setKey{resource: o.Resource, namespace: namespace}]
		c.store.noted, c.store.derived = true, nil
		c.store.mu.Unlock()
		if s == nil { // the set is not in use
			continue
		}
		noted := &item{}
		if live != nil {
			noted.version = live.GetResourceVersion()
			noted.raw, _ = live.MarshalJSON() // it was decoded from JSON
		}
		s.note(s.name(o.Namespace, o.Name), noted)
	}
}

// Derived returns the result of make, which is called once for each key. It returns false once any object may have changed since it was read.
func (c *Cluster) Derived(key any, make func() any) (any, bool) {
	c.store.mu.Lock()
	if c.store.noted {
		c.store.mu.Unlock()
		return nil, false
	}
	if c.store.derived == nil {
		c.store.derived = map[any]func() any{}
	}
	once, ok := c.store.derived[key]
	if !ok {
		once = sync.OnceValue(make)
		c.store.derived[key] = once
	}
	c.store.mu.Unlock()
	return once(), true
}

// name returns the key of an object in a set.
func (s *set) name(namespace, name string) string {
	if s.namespace == metav1.NamespaceAll {
		return namespace + "/" + name
	}
	return name
}

// note stores an object, unless the known one is newer.
func (s *set) note(name string, noted *item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.items[name]; known != nil && known.version != "" && noted.version != "" {
		if order, err := resourceversion.CompareResourceVersion(known.version, noted.version); err == nil && order > 0 {
			return
		}
	}
	s.items[name], s.changed[name] = noted, true
}

// look returns the JSON of an object if it is known, the number of pages that were read, and whether no more will be read.
func (s *set) look(name string) (raw json.RawMessage, pages int, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.items[name]; i != nil {
		return i.raw, s.pages, i.raw == nil || s.complete || s.refused != nil
	}
	return nil, s.pages, s.complete || s.refused != nil
}

// read reads the page that follows the first after pages, unless another caller has read it.
func (s *set) read(ctx context.Context, after int) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if _, pages, ended := s.look(""); ended || pages != after {
		return nil
	}
	var data []byte
	// All callers share the page, so its warnings do not belong to the first one.
	err := s.cluster.Read(context.WithValue(ctx, warningsKey{}, nil), func(ctx context.Context) (err error) {
		request := s.cluster.raw.Get().AbsPath(s.path()...).Param("limit", strconv.Itoa(pageSize))
		if s.next != "" {
			request.Param("continue", s.next)
		}
		if s.metadataOnly {
			request.SetHeader("Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")
		}
		result := request.Do(ctx)
		if err := result.Error(); err != nil {
			return err
		}
		data, err = result.Raw()
		return err
	})
	var list struct {
		Metadata metav1.ListMeta
		Items    []json.RawMessage
	}
	if err == nil {
		err = json.Unmarshal(data, &list)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case apierrors.IsResourceExpired(err) && s.restarts == 0: // the continue token has expired
		s.restarts, s.next = 1, ""
		s.pages++
		return nil
	case apierrors.IsForbidden(err), apierrors.IsNotFound(err), apierrors.IsResourceExpired(err):
		s.refused = err
		return nil
	case err != nil:
		return err
	}
	for _, raw := range list.Items {
		var object metav1.PartialObjectMetadata
		if err := json.Unmarshal(raw, &object); err != nil {
			return err
		}
		name := s.name(object.Namespace, object.Name)
		if _, newer := s.items[name]; !newer { // recorded while the page was read
			s.items[name], s.changed[name] = &item{raw: raw, version: object.ResourceVersion}, true
		}
	}
	s.next, s.version, s.complete = list.Metadata.Continue, list.Metadata.ResourceVersion, list.Metadata.Continue == ""
	s.pages++
	return nil
}

func (s *set) path() []string {
	path := []string{"/apis", s.resource.Group, s.resource.Version}
	if s.resource.Group == "" {
		path = []string{"/api", s.resource.Version}
	}
	if s.namespace != metav1.NamespaceAll {
		path = append(path, "namespaces", s.namespace)
	}
	return append(path, s.resource.Resource)
}

// Listing reads all objects of a kind in a namespace, for optional checks. Objects that cannot be read are unknown, which is not an error.
type Listing[T any] struct {
	Resource schema.GroupVersionResource
	// MetadataOnly omits the rest of objects that are large or contain secrets.
	MetadataOnly bool
	// Convert decodes an object from JSON.
	Convert func(raw []byte) (T, error)
	// Keys returns the keys by which an object can be found, in addition to its name.
	Keys func(T) []string
}

// view is a listing's view of a set. It is updated object by object, because an apply reads it after each of its writes.
type view[T any] struct {
	names []string // sorted
	all   []T      // in the order of names, never changed
	keyed map[string][]string
}

// In returns the objects of the namespace, or of all namespaces for "", sorted by name: as they were first read, with all changes that were
// recorded or watched since then. It returns false if they are unknown. With keys, and if the listing has [Listing.Keys], it returns the objects
// that have one of the keys. Callers share the slice and must not change it.
func (l Listing[T]) In(ctx context.Context, c *Cluster, namespace string, keys ...string) ([]T, bool) {
	s := c.set(setKey{l.Resource, namespace, l.MetadataOnly})
	for {
		_, pages, ended := s.look("")
		if ended {
			break
		}
		if err := s.read(ctx, pages); err != nil {
			l.unknown(ctx, namespace, err)
			return nil, false
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := l.view(s)
	if err != nil {
		l.unknown(ctx, namespace, err)
		return nil, false
	}
	if len(keys) == 0 || l.Keys == nil {
		return v.all, true
	}
	var names []string
	for _, key := range keys {
		names = append(names, v.keyed[key]...)
	}
	slices.Sort(names)
	var found []T
	for _, name := range slices.Compact(names) {
		found = append(found, s.items[name].converted.(T))
	}
	return found, true
}

// view returns the view of a locked set, with the changes since the last call.
func (l Listing[T]) view(s *set) (*view[T], error) {
	if s.refused != nil {
		return nil, s.refused
	}
	v, ok := s.view.(*view[T])
	if !ok {
		v = &view[T]{keyed: make(map[string][]string)}
		s.view = v
	}
	if len(s.changed) > 0 {
		v.all = slices.Clone(v.all)
	}
	for _, name := range slices.Sorted(maps.Keys(s.changed)) {
		now := s.items[name]
		if now.raw != nil && now.converted == nil {
			converted, err := l.Convert(now.raw)
			if err != nil {
				return nil, err
			}
			now.converted = converted
		}
		at, known := slices.BinarySearch(v.names, name)
		if known {
			v.index(l.Keys, v.all[at], func(names []string) []string {
				return slices.DeleteFunc(names, func(other string) bool { return other == name })
			})
			v.names, v.all = slices.Delete(v.names, at, at+1), slices.Delete(v.all, at, at+1)
		}
		if now.raw != nil {
			object := now.converted.(T)
			v.names, v.all = slices.Insert(v.names, at, name), slices.Insert(v.all, at, object)
			v.index(l.Keys, object, func(names []string) []string { return append(names, name) })
		}
		delete(s.changed, name)
	}
	return v, nil
}

// index changes the entries for the keys of an object.
func (v *view[T]) index(keys func(T) []string, object T, change func(names []string) []string) {
	if keys == nil {
		return
	}
	for _, key := range keys(object) {
		v.keyed[key] = change(v.keyed[key])
	}
}

// Known returns a stored object as [Listing.In] has it. It returns false if no list has read this version of it.
func (l Listing[T]) Known(c *Cluster, stored metav1.Object) (known T, ok bool) {
	for _, namespace := range []string{stored.GetNamespace(), metav1.NamespaceAll} {
		s := c.set(setKey{l.Resource, namespace, l.MetadataOnly})
		s.mu.Lock()
		i := s.items[s.name(stored.GetNamespace(), stored.GetName())]
		if i != nil && i.version == stored.GetResourceVersion() {
			known, ok = i.converted.(T)
		}
		s.mu.Unlock()
		if ok {
			return known, true
		}
	}
	return known, false
}

func (l Listing[T]) unknown(ctx context.Context, namespace string, err error) {
	tflog.Debug(ctx, "unknown, so some checks are left out", map[string]any{"resource": l.Resource.Resource, "namespace": namespace, "error": err.Error()})
}

// Watch starts to watch the objects of all lists that were read, each of them once, to see what others write.
func (c *Cluster) Watch() {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	c.store.noted, c.store.derived = true, nil
	for _, s := range c.store.sets {
		s.watch()
	}
}

func (s *set) watch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.complete || s.watched {
		return
	}
	s.watched = true
	var client interface {
		Watch(context.Context, metav1.ListOptions) (watch.Interface, error)
	} = s.cluster.Dynamic.Resource(s.resource).Namespace(s.namespace)
	if s.metadataOnly {
		client = s.cluster.metadata.Resource(s.resource).Namespace(s.namespace)
	}
	ctx, cancel := context.WithTimeout(context.Background(), watching)
	watcher, err := watchtools.NewRetryWatcherWithContext(ctx, s.version, &cache.ListWatch{WatchFuncWithContext: client.Watch})
	if err != nil { // the list has no resource version
		cancel()
		return
	}
	go func() {
		defer cancel()
		for event := range watcher.ResultChan() {
			object, ok := event.Object.(metav1.Object)
			if !ok { // forbidden or expired, so the list stays as it was read
				return
			}
			seen := &item{version: object.GetResourceVersion()}
			if event.Type != watch.Deleted {
				if seen.raw, err = json.Marshal(object); err != nil {
					continue
				}
			}
			s.note(s.name(object.GetNamespace(), object.GetName()), seen)
		}
	}()
}
