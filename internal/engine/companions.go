package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-log/tflog"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apischema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/magneticio/terraform-provider-lamia/internal/kube"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// Companions are objects that belong to an object of a kind, such as a gateway's Deployment. Other controllers also write to them, so they are
// applied server-side: Terraform owns only the fields that are rendered. The object owns its companions, and they are deleted with it.
type Companions struct {
	// Tuning is the attribute that configures them.
	Tuning spec.Field
	// Resources contains all kinds of companions.
	Resources map[string]apischema.GroupVersionResource
	// Name returns the name that all companions of an object have.
	Name func(name string) string
	// Has reports whether the object with this spec, as JSON, has companions.
	Has func(namespace, name string, spec map[string]any) bool
	// Render returns the companions in the order in which they are applied.
	Render func(namespace, name string, spec, tuning map[string]any) ([]*unstructured.Unstructured, error)
	// Shared has, by kind of companion, a field that another controller takes over. It keeps its value when it is no longer rendered.
	Shared map[string][]string
	// Waiting returns a companion that is not ready, or the zero value. companions are keyed by kind.
	Waiting func(companions map[string]*unstructured.Unstructured) Awaited
	// Why explains why companions are not ready, as far as permissions allow. It returns "" if the reason is unknown.
	Why func(ctx context.Context, cluster *kube.Cluster, namespace, name string) string
}

// Awaited is a companion that is not ready yet.
type Awaited struct {
	Kind   string
	For    string // what the companion waits for, "" if it is ready
	Failed bool   // it will not become ready
}

// render returns the companions that v configures.
func (k *Kind) render(v values) ([]*unstructured.Unstructured, error) {
	if k.Companions == nil {
		return nil, nil
	}
	content, err := k.Spec.Encode(k.specOf(v))
	if err != nil {
		return nil, err
	}
	namespace, name := v.string(attrNamespace), v.string(attrName)
	if !k.Companions.Has(namespace, name, content) {
		return nil, nil
	}
	tuning := values{}
	tuning.set(k.Companions.Tuning.JSON, v[k.Companions.Tuning.JSON])
	encoded, err := (&spec.Message{Fields: []spec.Field{k.Companions.Tuning}}).Encode(tuning)
	if err != nil {
		return nil, err
	}
	rendered, err := k.Companions.Render(namespace, name, content, mapOf(encoded[k.Companions.Tuning.JSON]))
	for _, companion := range rendered {
		if labels := merged(k.set().Labels, companion.GetLabels()); len(labels) > 0 {
			companion.SetLabels(labels)
		}
		if annotations := merged(k.set().Annotations, companion.GetAnnotations()); len(annotations) > 0 {
			companion.SetAnnotations(annotations)
		}
	}
	return rendered, err
}

// planned returns the planned value of the attribute companions: all in sync, or nil without companions. A create leaves it unknown, so that the
// create can end without an error although a companion is missing.
func (k *Kind) planned(prior, v values) (any, error) {
	if v[attrName] == spec.Unknown || v[attrNamespace] == spec.Unknown {
		return spec.Unknown, nil
	}
	rendered, err := k.render(v)
	switch {
	case errors.Is(err, spec.ErrUnknown):
		return spec.Unknown, nil
	case err != nil:
		return nil, err
	}
	if len(rendered) == 0 {
		return nil, nil
	}
	states := make(map[string]any)
	for _, o := range rendered {
		states[o.GetKind()] = inSync
		if prior == nil {
			states[o.GetKind()] = spec.Unknown
		}
	}
	return states, nil
}

// companionError is an error of a request for a companion.
type companionError struct {
	verb string // "create", "get", "patch" or "delete"
	ref  kube.Object
	err  error
}

func (e *companionError) Error() string { return fmt.Sprintf("%s %s: %v", e.verb, e.ref, e.err) }

func (e *companionError) Unwrap() error { return e.err }

func (e *companionError) report(s *session) {
	s.explain(e.verb, e.ref, e.err, func(string) (path.Path, bool) { return path.Root(s.kind.Companions.Tuning.Name), true })
}

// takenError means that someone else's object has the name of a companion.
type takenError struct{ ref kube.Object }

func (e *takenError) Error() string { return e.ref.String() + " has another owner" }

func (e *takenError) report(s *session) {
	s.diagnostics.AddError(fmt.Sprintf("%s already exists", e.ref),
		fmt.Sprintf("%s needs an object with this kind and name, but does not own the one in the cluster. Nothing was written. Rename the %s, or delete the "+
			"object if nothing needs it.", s.ref, s.kind.Kind))
}

// companion returns a client for the companion of this kind, and its name.
func (s *session) companion(kind string) (dynamic.ResourceInterface, kube.Object) {
	ref := kube.Object{Resource: s.kind.Companions.Resources[kind], Kind: kind, Namespace: s.ref.Namespace, Name: s.kind.Companions.Name(s.ref.Name)}
	return s.cluster.Dynamic.Resource(ref.Resource).Namespace(ref.Namespace), ref
}

// reader reads one object: it is kube.Cluster's Get or Find.
type reader func(context.Context, kube.Object) (*unstructured.Unstructured, error)

// find returns the object with the companion's name, or nil.
func (s *session) find(kind string, read reader) (*unstructured.Unstructured, error) {
	_, ref := s.companion(kind)
	live, err := read(s.ctx, ref)
	switch {
	case kube.IsGone(err):
		return nil, nil
	case err != nil:
		return nil, &companionError{"get", ref, err}
	}
	return live, nil
}

// findAll returns the objects with the companions' name, by kind, and reads them concurrently. For an imported object, it is not known which
// companions it has, so kinds without read permission are removed from kinds.
func (s *session) findAll(read reader, kinds map[string]bool, imported bool) (map[string]*unstructured.Unstructured, error) {
	var mu sync.Mutex
	found := make(map[string]*unstructured.Unstructured)
	err := each(slices.Values(slices.Collect(maps.Keys(kinds))), func(kind string) error {
		live, err := s.find(kind, read)
		if imported && apierrors.IsForbidden(err) {
			mu.Lock()
			defer mu.Unlock()
			delete(kinds, kind)
			return nil
		}
		if live != nil {
			mu.Lock()
			defer mu.Unlock()
			found[kind] = live
		}
		return err
	})
	return found, err
}

// each calls f concurrently for all values.
func each[T any](all iter.Seq[T], f func(T) error) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failures []error
	for one := range all {
		wg.Go(func() {
			if err := f(one); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failures = append(failures, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(failures...)
}

// belongs reports whether the object with the UID owner owns o.
func belongs(o *unstructured.Unstructured, owner types.UID) bool {
	return slices.ContainsFunc(o.GetOwnerReferences(), func(r metav1.OwnerReference) bool { return r.UID == owner })
}

// preflight returns an error, before anything is written, if someone else's object has a companion's name.
func (s *session) preflight(v values) error {
	rendered, err := s.kind.render(v)
	if err != nil || rendered == nil {
		return err
	}
	found, err := s.findAll(s.cluster.Get, concerned(rendered, nil), false)
	if err != nil {
		return err
	}
	for _, companion := range rendered {
		if live := found[companion.GetKind()]; live != nil && !belongs(live, types.UID(v.string(attrUID))) {
			_, ref := s.companion(companion.GetKind())
			return &takenError{ref}
		}
	}
	return nil
}

// ownedBy returns a copy of a companion with its owner, if that already exists.
func ownedBy(owner, companion *unstructured.Unstructured) *unstructured.Unstructured {
	companion = companion.DeepCopy()
	if owner != nil {
		block := true // deleting the owner in the foreground waits for the companion
		companion.SetOwnerReferences([]metav1.OwnerReference{{
			APIVersion: owner.GetAPIVersion(), Kind: owner.GetKind(), Name: owner.GetName(), UID: owner.GetUID(), BlockOwnerDeletion: &block,
		}})
	}
	return companion
}

// apply creates ("create") or updates ("patch") a companion. With dry it is a dry run, for which owner can be nil.
func (s *session) apply(verb string, owner, companion *unstructured.Unstructured, dry bool) (applied *unstructured.Unstructured, err error) {
	companion = ownedBy(owner, companion)
	data, err := json.Marshal(companion)
	if err != nil {
		return nil, err
	}
	force := true // takes over fields that someone else has set, as the plan has shown
	options := metav1.PatchOptions{FieldManager: Manager, FieldValidation: metav1.FieldValidationStrict, Force: &force, DryRun: dryRunOption(dry)}
	client, ref := s.companion(companion.GetKind())
	err = s.write(func(ctx context.Context) error {
		applied, err = client.Patch(ctx, ref.Name, types.ApplyPatchType, data, options)
		return err
	})
	if err != nil {
		return nil, &companionError{verb, ref, err}
	}
	if !dry {
		s.cluster.Note(ref, applied)
	}
	return applied, nil
}

// inspect sets the attribute companions in v: for each, whether it is as v renders it. It sends no request, and needs no permissions, if the
// object has no companions and had none before.
func (s *session) inspect(owner *unstructured.Unstructured, v values) (found map[string]*unstructured.Unstructured, err error) {
	if s.kind.Companions == nil {
		return nil, nil
	}
	rendered, err := s.kind.render(v)
	if err != nil {
		return nil, err
	}
	states, changes := make(map[string]string), make(map[string]string)
	kinds := concerned(rendered, v)
	if len(kinds) > 0 {
		if found, err = s.findAll(s.cluster.Find, kinds, v[attrCompanions] == nil); err != nil {
			return nil, err
		}
	}
	for kind, live := range found {
		if belongs(live, owner.GetUID()) {
			states[kind] = unwanted
		}
	}
	var mu sync.Mutex
	err = each(slices.Values(rendered), func(companion *unstructured.Unstructured) error {
		if !kinds[companion.GetKind()] {
			return nil
		}
		state, change, err := s.compare(owner, companion, found[companion.GetKind()])
		mu.Lock()
		defer mu.Unlock()
		if states[companion.GetKind()] = state; change != "" {
			changes[companion.GetKind()] = change
		}
		return err
	})
	if err == nil && s.kind.awaits(v) {
		if awaited := s.kind.Companions.Waiting(found); awaited.For != "" && states[awaited.Kind] == inSync {
			states[awaited.Kind], changes[awaited.Kind] = notReady, awaited.For
		}
	}
	v.set(attrCompanions, stringMap(states))
	v.set(attrCompanionChanges, stringMap(changes))
	return found, err
}

// compare reports whether applying the companion would change live, and which fields. A dry run confirms changes, because a webhook may change
// every apply in the same way.
func (s *session) compare(owner, companion, live *unstructured.Unstructured) (state, change string, err error) {
	switch {
	case live == nil:
		return missing, "", nil
	case !belongs(live, owner.GetUID()):
		return foreign, "", nil
	}
	differing, err := drift(ownedBy(owner, companion), live)
	if err == nil && len(differing) == 0 {
		return inSync, "", nil
	}
	if s.cluster.DryRun == kube.DryRunNever {
		return changed, strings.Join(differing, ", "), err
	}
	applied, err := s.apply("patch", owner, companion, true)
	switch {
	case apierrors.IsInvalid(err): // an apply fails for the same reason, and reports it
		return refused, "", nil
	case err != nil:
		// Without permission, with a webhook that does not support dry runs, or after a lost connection, the answer is unknown. That is no
		// reason to fail or to plan a change.
		tflog.Warn(s.ctx, "cannot tell whether a companion is in sync", map[string]any{"object": s.ref.String(), "kind": companion.GetKind(), "error": err.Error()})
		return inSync, "", nil
	case applied.GetResourceVersion() != live.GetResourceVersion(): // written in the meantime, perhaps by an autoscaler
		if live, err = s.find(companion.GetKind(), s.cluster.Get); err != nil {
			return "", "", err
		}
		return s.compare(owner, companion, live)
	}
	fields := leaves(difference(content(live), content(applied)))
	if len(fields) == 0 {
		return inSync, "", nil
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = fieldString(f)
	}
	change = strings.Join(names, ", ")
	others := slices.DeleteFunc(live.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool { return e.Manager == Manager })
	for _, field := range fields { // the API server changes some fields because of others
		if who := lastWriter(others, field); who != "" {
			return changed, change + ", last written by " + who, nil
		}
	}
	return changed, change, nil
}

// accompany creates, updates and deletes the companions of owner as v says, and waits until they are ready. It returns the existing companions
// and the state of each, by kind.
func (s *session) accompany(owner *unstructured.Unstructured, prior, v values) (companions map[string]*unstructured.Unstructured, states map[string]string, err error) {
	if s.kind.Companions == nil {
		return nil, nil, nil
	}
	rendered, err := s.kind.render(v)
	if err != nil {
		return nil, nil, err
	}
	before := mapOf(prior[attrCompanions])
	surplus := maps.Clone(before)
	states = make(map[string]string)
	for kind := range before {
		states[kind] = notChecked
	}
	for _, companion := range rendered {
		states[companion.GetKind()] = notChecked
	}
	for _, companion := range rendered {
		verb := "patch"
		if was := before[companion.GetKind()]; was == nil || was == missing {
			verb = "create"
		}
		err := s.poll(func() (string, error) { // an apply can be repeated, and the owner already exists
			if err := s.handOver(companion); err != nil {
				return "", err
			}
			_, err := s.apply(verb, owner, companion, false)
			return "", err
		})
		if err != nil {
			return nil, states, err
		}
		states[companion.GetKind()] = inSync
		delete(surplus, companion.GetKind())
	}
	for _, kind := range slices.Sorted(maps.Keys(surplus)) {
		if err := s.remove(kind, owner.GetUID()); err != nil {
			return nil, states, err
		}
		delete(states, kind)
	}
	if rendered == nil {
		return nil, nil, nil
	}
	var awaited Awaited
	err = s.poll(func() (string, error) {
		if companions, err = s.findAll(s.cluster.Get, concerned(rendered, nil), false); err != nil || v[attrWait] == false {
			return "", err
		}
		awaited = s.kind.Companions.Waiting(companions)
		if awaited.Failed {
			return "", &notReadyError{reason: awaited.For, failed: true}
		}
		return awaited.For, nil
	})
	if err != nil && awaited.For != "" {
		states[awaited.Kind] = notReady
	}
	var late *notReadyError
	if errors.As(err, &late) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), kube.Patience.Write)
		defer cancel()
		late.why = s.kind.Companions.Why(ctx, s.cluster, s.ref.Namespace, s.ref.Name)
	}
	return companions, states, err
}

// handOver assigns a shared field that the companion no longer sets to another field manager before it is released. Otherwise the API server
// would reset it to its default, one replica. It does not hand over 0 replicas, because an autoscaler would stay disabled.
func (s *session) handOver(companion *unstructured.Unstructured) error {
	field := s.kind.Companions.Shared[companion.GetKind()]
	if _, rendered, _ := unstructured.NestedFieldNoCopy(companion.Object, field...); field == nil || rendered {
		return nil
	}
	live, err := s.find(companion.GetKind(), s.cluster.Get)
	if err != nil || live == nil {
		return err
	}
	value, set, err := unstructured.NestedFieldCopy(live.Object, field...)
	if err != nil || !set || value == int64(0) || !slices.ContainsFunc(live.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool {
		return e.Manager == Manager && e.Operation == metav1.ManagedFieldsOperationApply && owns(e, field)
	}) {
		return err
	}
	heir := &unstructured.Unstructured{}
	heir.SetGroupVersionKind(live.GroupVersionKind())
	heir.SetNamespace(live.GetNamespace())
	heir.SetName(live.GetName())
	if err := unstructured.SetNestedField(heir.Object, value, field...); err != nil {
		return err
	}
	client, ref := s.companion(companion.GetKind())
	err = s.write(func(ctx context.Context) error {
		_, err := client.Apply(ctx, ref.Name, heir, metav1.ApplyOptions{FieldManager: Manager + "-handover", Force: true})
		return err
	})
	if err != nil {
		return &companionError{"patch", ref, err}
	}
	return nil
}

// remove deletes the companion of this kind, if there is one, and waits until it is deleted.
func (s *session) remove(kind string, owner types.UID) error {
	client, ref := s.companion(kind)
	return s.poll(func() (reason string, err error) {
		live, err := s.find(kind, s.cluster.Get)
		if err != nil || live == nil || !belongs(live, owner) {
			return "", err
		}
		if live.GetDeletionTimestamp() == nil {
			err = s.write(func(ctx context.Context) error {
				return client.Delete(ctx, ref.Name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(live.GetUID()))})
			})
			if err != nil && !apierrors.IsNotFound(err) {
				return "", &companionError{"delete", ref, err}
			}
		}
		return "the deletion of " + ref.String(), nil
	})
}
