package engine

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-log/tflog"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/magneticio/terraform-provider-lamia/internal/kube"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// dryRun sends the requests of an apply of the plan as dry runs, and reports what the API server rejects. prior is nil if the object does not
// exist. A replaced object is deleted before the new one is created.
func (k *Kind) dryRun(ctx context.Context, run *Run, prior, plan values, replaced bool, diagnostics *diag.Diagnostics) {
	if diagnostics.HasError() || !run.Known() || !k.sendable(plan) {
		return
	}
	cluster, _ := run.Cluster()
	switch cluster.DryRun {
	case kube.DryRunNever:
		return
	case kube.DryRunAuto:
		if run.applying.Load() || run.unanswered.Load() {
			return
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, kube.Patience.DryRun)
		defer cancel()
	}
	s := k.open(ctx, run, plan, "read", diagnostics)
	if s == nil {
		return
	}
	defer s.close()
	s.dry = true
	t := trial{session: s}
	switch {
	case prior == nil && run.tainted(s.ref):
		t.create(plan, &s.ref)
	case prior == nil:
		t.create(plan, nil)
	case replaced:
		old := k.ref(prior)
		t.create(plan, &old)
	default:
		t.update(prior, plan)
		if !run.applying.Load() {
			t.retain(prior, plan) // for its warnings
		}
	}
	t.warnOfRights()
}

// sendable reports whether all values of the object itself are known.
func (k *Kind) sendable(v values) bool {
	for _, name := range []string{attrName, attrNamespace, keyLabels, keyAnnotations} {
		if !spec.Known(v[name]) {
			return false
		}
	}
	_, err := k.document(v, false)
	return !errors.Is(err, spec.ErrUnknown)
}

// trial is the dry run of a plan.
type trial struct {
	*session
	replaced *kube.Object // the object that is deleted first, if any
	lacking  []right
}

// right is a permission.
type right struct {
	verb string
	on   kube.Object
}

// create sends a dry run of creating the object and its companions.
func (t *trial) create(plan values, replaced *kube.Object) {
	t.replaced = replaced
	_, err := t.session.create(plan, "dry run")
	if apierrors.IsAlreadyExists(err) { // the API server reports this error last
		if replaced == nil || *replaced != t.ref {
			t.refuse()
		}
		return
	}
	if t.judge("create", err) {
		t.companions(nil, plan, nil)
	}
}

// update sends a dry run of the planned changes. Changes in the cluster since the object was read are left to the apply.
func (t *trial) update(prior, plan values) {
	patch, err := t.kind.difference(prior, plan, false)
	if err == nil && len(patch) > 0 {
		_, err = t.patch(patch)
	}
	if !t.judge("patch", err) {
		return
	}
	owner := &unstructured.Unstructured{}
	owner.SetGroupVersionKind(t.kind.Resource.GroupVersion().WithKind(t.kind.Kind))
	owner.SetName(t.ref.Name)
	owner.SetUID(types.UID(prior.string(attrUID)))
	t.companions(prior, plan, owner)
}

// companions sends a dry run of the companions that the plan changes.
func (t *trial) companions(prior, plan values, owner *unstructured.Unstructured) {
	changed, err := t.kind.changed(prior, plan)
	if err == nil && len(changed) > 0 {
		err = t.preflight(plan)
	}
	if err != nil {
		t.judge("patch", err)
		return
	}
	t.applyAll(owner, changed)
}

// applyAll sends a dry run of companions. owner is nil if it does not exist yet.
func (t *trial) applyAll(owner *unstructured.Unstructured, companions []*unstructured.Unstructured) {
	verb := "patch"
	if owner == nil {
		verb = "create"
	}
	outcomes := make([]error, len(companions))
	var wg sync.WaitGroup
	for i, companion := range companions {
		wg.Go(func() { _, outcomes[i] = t.apply(verb, owner, companion, true) })
	}
	wg.Wait()
	for _, err := range outcomes {
		t.judge("patch", err)
	}
}

// rehearse sends a dry run of the companions before their object is created, so that errors occur before anything is stored. It reports whether
// the API server accepts all of them.
func (s *session) rehearse(plan values) bool {
	if s.kind.Companions == nil || s.cluster.DryRun == kube.DryRunNever {
		return true
	}
	companions, err := s.kind.render(plan)
	if err != nil {
		s.fail("create", err)
		return false
	}
	dry := *s
	dry.dry = true
	var cancel context.CancelFunc
	dry.ctx, cancel = context.WithTimeout(s.ctx, kube.Patience.DryRun)
	defer cancel()
	(&trial{session: &dry}).applyAll(nil, companions)
	return !s.diagnostics.HasError()
}

// changed returns the companions that an apply of the plan changes, as far as that is known.
func (k *Kind) changed(prior, plan values) ([]*unstructured.Unstructured, error) {
	rendered, err := k.render(plan)
	if errors.Is(err, spec.ErrUnknown) {
		return nil, nil
	}
	if err != nil || prior == nil {
		return rendered, err
	}
	before, err := k.render(prior)
	if err != nil {
		return nil, err
	}
	states := mapOf(prior[attrCompanions])
	return slices.DeleteFunc(rendered, func(c *unstructured.Unstructured) bool {
		return states[c.GetKind()] == inSync && slices.ContainsFunc(before, func(b *unstructured.Unstructured) bool { return reflect.DeepEqual(b, c) })
	}), nil
}

// judge reports the error of a request with this verb for the object or a companion. It returns whether to try the requests that depend on the
// object.
func (t *trial) judge(verb string, err error) bool {
	switch {
	case err == nil:
		return true
	case apierrors.IsConflict(err), kube.IsGone(err) && !kube.IsNamespaceGone(err):
		return true // changed in the meantime, or created in the same apply, like the Role of a RoleBinding
	case t.replaced != nil && kube.IsTaken(err):
		return true // by the object that is deleted first
	case t.cluster.DryRun == kube.DryRunRequired:
		t.fail(verb, err)
		return false
	case kube.IsUnanswered(err):
		t.run.unanswered.Store(true)
		fallthrough
	case apierrors.IsNotFound(err), kube.LacksDryRun(err):
		tflog.Debug(t.ctx, "the plan cannot be tried", map[string]any{"object": t.ref.String(), "error": err.Error()})
		return false
	case apierrors.IsForbidden(err) && !t.run.applying.Load():
		lacking, known := t.denied(verb, err)
		t.lacking = append(t.lacking, lacking...)
		if !known || len(lacking) > 0 {
			return true
		} // otherwise a quota or policy has rejected the request
	}
	t.fail(verb, err)
	return false
}

// denied returns the permissions that the failed request needs and the credentials lack. It returns false if that is unknown.
func (t *trial) denied(verb string, err error) (lacking []right, known bool) {
	needed := []right{{verb, t.ref}}
	if of := (*companionError)(nil); errors.As(err, &of) {
		needed = []right{{of.verb, of.ref}}
		if of.verb == "create" {
			needed = append(needed, right{"patch", of.ref}) // an apply is a patch
		}
	}
	for _, r := range needed {
		if r.verb == "create" {
			r.on.Name = "" // RBAC ignores the name for a create
		}
		allowed, err := t.run.allowed(t.ctx, t.cluster, r)
		if err != nil {
			return nil, false
		}
		if !allowed {
			lacking = append(lacking, r)
		}
	}
	return lacking, true
}

// warnOfRights warns about each missing permission once.
func (t *trial) warnOfRights() {
	var rules strings.Builder
	for _, r := range t.lacking {
		if t.run.first(fmt.Sprint(r.verb, r.on.Resource, r.on.Namespace)) {
			fmt.Fprintf(&rules, "\n- apiGroups: [%q]\n  resources: [%q]\n  verbs: [%q]", r.on.Resource.Group, r.on.Resource.Resource, r.verb)
		}
	}
	if rules.Len() > 0 {
		t.diagnostics.AddWarning(fmt.Sprintf("Permissions to apply are missing in namespace %q", t.ref.Namespace),
			fmt.Sprintf("%s is planned, but the API server did not check the plan (dry run). To apply it, add these rules to a Role:\n%s\n\nEach rule is listed "+
				"once per plan. To plan without the API server's check, set dry_run = \"never\" in the provider block.", t.ref, rules.String()))
	}
}
