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

// Companions are objects that come with an object of a kind, such as a gateway's Deployment. They are shared with other controllers, and
// so applied server-side: only the fields that are rendered are Terraform's. The object owns them, and they go with it.
type Companions struct {
	// Tuning is the attribute that tunes them.
	Tuning spec.Field
	// Resources has all kinds of companions.
	Resources map[string]apischema.GroupVersionResource
	// Name returns the name that all companions of an object have.
	Name func(name string) string
	// Has reports whether the object of this spec, in JSON, has companions.
	Has func(namespace, name string, spec map[string]any) bool
	// Render returns the companions in the order in which they are applied.
	Render func(namespace, name string, spec, tuning map[string]any) ([]*unstructured.Unstructured, error)
	// Shared is a field, by kind of companion, that keeps its value for another controller when it is not rendered any more.
	Shared map[string][]string
	// Waiting returns a companion that is not ready, if there is one. companions are keyed by kind.
	Waiting func(companions map[string]*unstructured.Unstructured) Awaited
	// Why explains, as far as permissions allow, why they are not ready; "" if the reason is unknown.
	Why func(ctx context.Context, cluster *kube.Cluster, namespace, name string) string
}

// Awaited is a companion that is not ready yet.
type Awaited struct {
	Kind   string
	For    string // what it is that it waits for, "" if it is ready
	Failed bool   // waiting is of no use
}

// render returns the companions that v asks for.
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

// planned returns the planned attribute companions, nil if there are none: all in sync. A create leaves it unknown, so that it can end without an
// error although a companion is missing.
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

// companionError is an error about a companion.
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

// takenError is an object of someone else with the name of a companion.
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

// reader reads one object: kube.Cluster's Get, or its Find.
type reader func(context.Context, kube.Object) (*unstructured.Unstructured, error)

// find returns the object with the companion's name, nil if there is none.
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

// findAll are the objects in the places of companions, by kind, read at the same time. Of an object that is imported it is not known which it has:
// kinds that may not be read are taken out.
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

// each calls f for all concurrently.
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

// belongs reports whether the object of the UID owner owns o.
func belongs(o *unstructured.Unstructured, owner types.UID) bool {
	return slices.ContainsFunc(o.GetOwnerReferences(), func(r metav1.OwnerReference) bool { return r.UID == owner })
}

// preflight fails before anything is written if someone else has an object with a companion's name.
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

// ownedBy returns a companion with its owner, if it has one yet.
func ownedBy(owner, companion *unstructured.Unstructured) *unstructured.Unstructured {
	companion = companion.DeepCopy()
	if owner != nil {
		block := true // deleting the owner in the foreground waits for it
		companion.SetOwnerReferences([]metav1.OwnerReference{{
			APIVersion: owner.GetAPIVersion(), Kind: owner.GetKind(), Name: owner.GetName(), UID: owner.GetUID(), BlockOwnerDeletion: &block,
		}})
	}
	return companion
}

// apply creates ("create") or updates ("patch") a companion. With dry it is a dry run, for which owner may be nil.
func (s *session) apply(verb string, owner, companion *unstructured.Unstructured, dry bool) (applied *unstructured.Unstructured, err error) {
	companion = ownedBy(owner, companion)
	data, err := json.Marshal(companion)
	if err != nil {
		return nil, err
	}
	force := true // a field of ours that someone else set is a difference, which the plan has shown
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

// inspect sets the attribute companions in v: for each, whether it is as v renders it. It sends no request, and needs no permissions, if there are
// no companions and were none before.
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

// compare says whether applying the companion would change live, and what. What looks like a change is confirmed by the API server, since a webhook may
// always make the same of what is applied.
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
	case apierrors.IsInvalid(err): // an apply fails alike, and says why
		return refused, "", nil
	case err != nil:
		// Without permission, with a webhook that allows no dry run or after a lost connection, the answer is unknown: that is no reason to fail or to plan a change.
		tflog.Warn(s.ctx, "cannot tell whether a companion is in sync", map[string]any{"object": s.ref.String(), "kind": companion.GetKind(), "error": err.Error()})
		return inSync, "", nil
	case applied.GetResourceVersion() != live.GetResourceVersion(): // written in between, by an autoscaler perhaps
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
	for _, field := range fields { // some the API server changes by itself, following another
		if who := lastWriter(others, field); who != "" {
			return changed, change + ", last written by " + who, nil
		}
	}
	return changed, change, nil
}

// accompany makes the companions of owner what v says, whatever prior says they were, and waits until they are ready. It returns those there
// are, and what is known of each, by kind.
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
		err := s.poll(func() (string, error) { // an apply can be repeated, and the owner is there already
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

// handOver gives a shared field that the companion does not set any more to a field manager of its own before it is let go. The API server
// would set it to its default: one replica of however many there are. Of none that is right: no autoscaler begins with none.
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
