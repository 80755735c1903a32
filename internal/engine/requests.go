package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"

	"github.com/magneticio/terraform-provider-lamia/internal/kube"
)

// polling is the time between two reads of an object.
var polling = wait.Backoff{Duration: 100 * time.Millisecond, Factor: 1.5, Jitter: 0.2, Steps: 10, Cap: 2 * time.Second}

func (s *session) client() dynamic.ResourceInterface {
	return s.cluster.Dynamic.Resource(s.kind.Resource).Namespace(s.ref.Namespace)
}

func (s *session) get() (*unstructured.Unstructured, error) { return s.cluster.Get(s.ctx, s.ref) }

// write retries a request that changes something. Each attempt is completed, even if the operation is interrupted.
func (s *session) write(request func(ctx context.Context) error) error {
	if s.dry { // a dry run can be interrupted
		return kube.Retry(s.ctx, request)
	}
	return kube.Retry(s.ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), kube.Patience.Write)
		defer cancel()
		return request(ctx)
	})
}

// dryRunOption returns the dryRun option of a request.
func dryRunOption(dry bool) []string {
	if dry {
		return []string{metav1.DryRunAll}
	}
	return nil
}

// Creation is the annotation that marks an object that the provider has created. If the response to the create is lost, it distinguishes the
// object from an equal one of someone else. Each value is used once.
const Creation = Manager + "/creation"

// marked reports whether the object was created with this mark.
func marked(live *unstructured.Unstructured, mark string) bool {
	return live.GetAnnotations()[Creation] == mark
}

// create creates the planned object. After an ambiguous error, the object may exist.
func (s *session) create(plan values, mark string) (live *unstructured.Unstructured, err error) {
	object, err := s.kind.object(plan)
	if err != nil {
		return nil, err
	}
	annotations := object.GetAnnotations()
	if annotations == nil {
		annotations = make(map[string]string)
	}
	annotations[Creation] = mark
	object.SetAnnotations(annotations)
	backoff := polling
	for attempt := 1; ; attempt++ {
		err = s.write(func(ctx context.Context) error {
			live, err = s.client().Create(ctx, object,
				metav1.CreateOptions{FieldManager: Manager, FieldValidation: metav1.FieldValidationStrict, DryRun: dryRunOption(s.dry)})
			return err
		})
		if s.dry || !kube.Ambiguous(err) {
			return live, err
		}
		found, lost := s.getLater()
		switch {
		case lost == nil && marked(found, mark):
			return found, nil
		case lost == nil:
			return nil, apierrors.NewAlreadyExists(s.kind.Resource.GroupResource(), s.ref.Name)
		case !kube.IsGone(lost):
			return nil, err
		case attempt == 3 || !s.unanswered(err):
			return nil, kube.Settled(err)
		}
		select { // then try again; if the first request arrives after all, the mark identifies the object
		case <-s.ctx.Done():
		case <-time.After(backoff.Step()):
		}
	}
}

// getLater is like get, but works after the operation's timeout, too.
func (s *session) getLater() (*unstructured.Unstructured, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), kube.Patience.Write)
	defer cancel()
	return s.cluster.Get(ctx, s.ref)
}

// changedError means that someone else changed the object between plan and apply in a way that the plan would overwrite.
type changedError struct {
	replaced bool // another object has the same name now
	changes  []change
	live     *unstructured.Unstructured
}

func (e *changedError) Error() string { return "changed since the plan" }

func (e *changedError) report(s *session) {
	summary := fmt.Sprintf("%s has changed since the plan", s.ref)
	if e.replaced {
		s.diagnostics.AddError(summary, fmt.Sprintf("The object was replaced by another with the same name (UID %s). Nothing was written. Plan again.", e.live.GetUID()))
		return
	}
	detail := "Applying this plan would overwrite changes made since:\n" + history(e.changes, e.live.GetManagedFields()) +
		"\n\nNothing was written. Plan again to see the object as it is now."
	if at, ok := s.kind.at(e.changes[0].String()); ok {
		s.diagnostics.AddAttributeError(at, summary, detail)
		return
	}
	s.diagnostics.AddError(summary, detail)
}

// update writes the difference from prior to plan, and sends no request if there is none.
func (s *session) update(prior, plan values) (*unstructured.Unstructured, error) {
	patch, err := s.kind.difference(prior, plan, false)
	if err != nil {
		return nil, err
	}
	var live *unstructured.Unstructured
	err = polling.DelayFunc().Until(s.ctx, true, true, func(context.Context) (written bool, err error) {
		if live, err = s.get(); err != nil {
			return false, err
		}
		if err := s.kind.guard(prior, plan, live); err != nil {
			return false, err
		}
		if err := s.preflight(plan); err != nil {
			return false, err
		}
		if len(patch) == 0 { // only the provider's own attributes have changed, such as timeouts, or companions
			return true, nil
		}
		whole, err := s.kind.preserve(patch, prior, live)
		if err != nil {
			return false, err
		}
		live, err = s.patch(withVersion(whole, live.GetResourceVersion()))
		var status apierrors.APIStatus
		if apierrors.IsConflict(err) || kube.Ambiguous(err) && !errors.As(err, &status) {
			return false, nil // changed in the meantime, or already written: read again
		}
		return err == nil, err
	})
	return live, err
}

// patch sends a merge patch.
func (s *session) patch(patch document) (live *unstructured.Unstructured, err error) {
	data, err := json.Marshal(patch)
	if err != nil {
		return nil, err
	}
	err = s.write(func(ctx context.Context) error {
		live, err = s.client().Patch(ctx, s.ref.Name, types.MergePatchType, data,
			metav1.PatchOptions{FieldManager: Manager, FieldValidation: metav1.FieldValidationStrict, DryRun: dryRunOption(s.dry)})
		return err
	})
	return live, err
}

// difference returns the merge patch from prior to plan.
func (k *Kind) difference(prior, plan values, canonical bool) (document, error) {
	before, err := k.document(prior, canonical)
	if err != nil {
		return nil, err
	}
	after, err := k.document(plan, canonical)
	if err != nil {
		return nil, err
	}
	return difference(before, after), nil
}

// guard returns an error if the patch would overwrite changes that live has had since prior was read.
func (k *Kind) guard(prior, plan values, live *unstructured.Unstructured) error {
	if uid := prior.string(attrUID); uid != "" && uid != string(live.GetUID()) {
		return &changedError{replaced: true, live: live}
	}
	now, _, err := k.observe(live, prior)
	if err != nil {
		return err
	}
	before, err := k.document(prior, true)
	if err != nil {
		return err
	}
	is, err := k.document(now, true)
	if err != nil {
		return err
	}
	patch, err := k.difference(prior, plan, true)
	if err != nil {
		return err
	}
	if changes := overwritten(patch, before, is); len(changes) > 0 {
		return &changedError{changes: changes, live: live}
	}
	return nil
}

// withVersion returns a patch that the API server rejects unless the object still has this version.
func withVersion(patch document, version string) document {
	metadata, _ := patch["metadata"].(map[string]any)
	metadata = maps.Clone(metadata)
	if metadata == nil {
		metadata = map[string]any{}
	}
	metadata["resourceVersion"] = version
	patch = maps.Clone(patch)
	patch["metadata"] = metadata
	return patch
}

// delete deletes the object with this UID and waits until it is deleted.
func (s *session) delete(uid string) error {
	options := metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(uid)}
	if s.kind.Companions != nil {
		foreground := metav1.DeletePropagationForeground // the object is deleted last, after its load balancer
		options.PropagationPolicy = &foreground
	}
	send := func() error {
		return s.write(func(ctx context.Context) error { return s.client().Delete(ctx, s.ref.Name, options) })
	}
	err := send()
	switch {
	case kube.IsGone(err):
		return nil
	case apierrors.IsNotFound(err): // the cluster does not serve the kind
		s.diagnostics.AddWarning(fmt.Sprintf("%s is considered deleted", s.ref),
			fmt.Sprintf("The cluster does not serve %s, so the object cannot exist. Check that the provider uses the right cluster.", s.kind.Resource.GroupResource()))
		return nil
	case err != nil && !kube.Ambiguous(err) && !apierrors.IsConflict(err):
		return err
	}
	lost, attempt := err, 1 // the lost response; reads show whether the object is deleted
	var finalizers []string
	err = polling.DelayFunc().Until(s.ctx, true, true, func(context.Context) (gone bool, err error) {
		live, err := s.get()
		switch {
		case kube.IsGone(err):
			return true, nil
		case s.unanswered(err):
			return false, nil
		case err != nil:
			return false, err
		}
		if string(live.GetUID()) == uid && live.GetDeletionTimestamp() == nil && lost != nil { // the request did not arrive or was not carried out
			if attempt == 3 || !s.unanswered(lost) && !apierrors.IsConflict(lost) {
				return false, lost
			}
			attempt++
			if lost = send(); lost != nil && !kube.Ambiguous(lost) && !kube.IsGone(lost) && !apierrors.IsConflict(lost) {
				return false, lost
			}
			return false, nil
		}
		finalizers = live.GetFinalizers()
		tflog.Debug(s.ctx, "waiting for deletion", map[string]any{"object": s.ref.String(), "finalizers": finalizers})
		if string(live.GetUID()) == uid {
			return false, nil
		}
		if apierrors.IsConflict(lost) {
			s.diagnostics.AddWarning(fmt.Sprintf("%s was already deleted", s.ref),
				fmt.Sprintf("The object with UID %s no longer exists. Another object has the same name and was not deleted.", uid))
		}
		return true, nil
	})
	if err != nil && s.ctx.Err() != nil && len(finalizers) > 0 {
		s.diagnostics.AddError(fmt.Sprintf("%s is not deleted yet", s.ref),
			fmt.Sprintf("It is marked for deletion and waits until the owners of its finalizers (%s) remove them. It stays in the state until it is "+
				"deleted: destroy again, or increase the timeouts attribute.", strings.Join(finalizers, ", ")))
		return nil
	}
	return err
}

// notReadyError means that an object is stored but was not ready in time.
type notReadyError struct {
	reason, why string
	failed      bool // it will not become ready
}

func (e *notReadyError) Error() string { return "not ready" }

func (e *notReadyError) report(s *session) {
	end, advice := "the operation timed out waiting for ", "To wait longer, increase the timeouts attribute."
	switch {
	case e.failed:
		end, advice = "", "Correct the cause, and apply again."
	case s.interrupted():
		end = "Terraform was interrupted while waiting for "
	}
	detail := fmt.Sprintf("The object is stored and in the state, but %s%s.", end, e.reason)
	if e.why != "" {
		detail += "\n\n" + e.why
	}
	s.diagnostics.AddError(fmt.Sprintf("%s is not ready", s.ref), detail+"\n\n"+advice)
}

// unanswered reports whether the API server gave no answer, perhaps because it restarts, and there is time left to wait.
func (s *session) unanswered(err error) bool {
	var status apierrors.APIStatus
	return s.ctx.Err() == nil && kube.IsUnanswered(err) && !errors.As(err, &status)
}

// poll reads the object until waiting returns no reason to wait.
func (s *session) poll(waiting func() (reason string, err error)) error {
	var reason string
	err := polling.DelayFunc().Until(s.ctx, true, true, func(context.Context) (ready bool, err error) {
		now, err := waiting()
		if s.unanswered(err) {
			now, err = fmt.Sprintf("the API server to answer (%v)", err), nil
		}
		if err != nil {
			return false, err
		}
		reason = now
		if reason != "" {
			tflog.Debug(s.ctx, "waiting", map[string]any{"object": s.ref.String(), "for": reason})
		}
		return reason == "", nil
	})
	if err != nil && s.ctx.Err() != nil && reason != "" {
		return &notReadyError{reason: reason}
	}
	return err
}

// wait waits until the object itself is ready.
func (s *session) wait(live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if s.kind.Waiting == nil || s.values[attrWait] == false || s.kind.Waiting(live) == "" {
		return live, nil
	}
	seen := true
	err := s.poll(func() (reason string, err error) {
		if !seen {
			if live, err = s.get(); err != nil {
				return "", err
			}
		}
		seen = false
		return s.kind.Waiting(live), nil
	})
	return live, err
}

// warnOfMutation warns if the stored values differ from those sent, because an admission webhook has changed them.
func (s *session) warnOfMutation(plan values, live *unstructured.Unstructured) {
	patch, err := s.kind.mutation(plan, live)
	if err != nil || len(patch) == 0 {
		return
	}
	var fields []string
	for _, part := range slices.Sorted(maps.Keys(patch)) {
		for name := range patch[part].(map[string]any) {
			fields = append(fields, part+"."+name)
		}
	}
	slices.Sort(fields)
	s.diagnostics.AddWarning(fmt.Sprintf("%s was changed by an admission webhook", s.ref),
		fmt.Sprintf("A mutating admission webhook in the cluster changed the planned values of %s. The next plan will show the difference.",
			strings.Join(fields, ", ")))
}

// mutation returns the difference between the object that was sent and the stored one.
func (k *Kind) mutation(plan values, live *unstructured.Unstructured) (document, error) {
	now, _, err := k.observe(live, plan)
	if err != nil {
		return nil, err
	}
	return k.difference(plan, now, true)
}
