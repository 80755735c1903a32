package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/magneticio/terraform-provider-lamia/internal/kube"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// unconfirmed is the key, in the private state, of the mark of an object that may have been created although the response was lost.
const unconfirmed = "unconfirmed"

// create creates the object and returns its state, or nil if it was not created.
func (k *Kind) create(ctx context.Context, run *Run, plan values, private private, diagnostics *diag.Diagnostics) (state values) {
	s := k.open(ctx, run, plan, "create", diagnostics)
	if s == nil {
		return nil
	}
	defer s.close()

	if err := s.preflight(plan); err != nil {
		if errors.As(err, new(*takenError)) {
			if _, missing := s.get(); missing == nil { // the companions belong to it
				s.refuse()
				return nil
			}
		}
		s.fail("create", err)
		return nil
	}
	if !s.rehearse(plan) {
		return nil
	}
	s.spread(nil, plan)
	mark := rand.Text()
	live, err := s.create(plan, mark)
	switch {
	case err == nil:
	case apierrors.IsAlreadyExists(err):
		s.refuse()
		return nil
	case kube.Ambiguous(err):
		s.diagnostics.AddWarning(fmt.Sprintf("%s may have been created", s.ref),
			"The request was sent, but the answer was lost and the API server could not be reached afterwards. The object stays in the state, and the next plan "+
				"checks whether it exists.")
		private[unconfirmed] = []byte(strconv.Quote(mark))
		state = plan.known()
		fallthrough
	default:
		s.fail("create", err)
		return state
	}
	state = s.settle(nil, plan, live)
	s.keep()
	return state
}

// keep turns the errors of a create that has stored the object into warnings. After an error, Terraform would taint the object, and the next
// apply would delete it with its addresses, instead of completing it.
func (s *session) keep() {
	for i, d := range *s.diagnostics {
		if d.Severity() != diag.SeverityError {
			continue
		}
		var warning diag.Diagnostic = diag.NewWarningDiagnostic(d.Summary(), fmt.Sprintf("%s\n\n%s is stored and in the state, but not complete. Apply again to "+
			"finish it: it keeps its addresses. This is only a warning because after an error Terraform would delete and recreate the object.", d.Detail(), s.ref))
		if at, ok := d.(diag.DiagnosticWithPath); ok {
			warning = diag.WithPath(at.Path(), warning)
		}
		(*s.diagnostics)[i] = warning
	}
}

// read returns the state of the object in the cluster, or nil if it does not exist.
func (k *Kind) read(ctx context.Context, run *Run, state values, private private, diagnostics *diag.Diagnostics) values {
	s := k.open(ctx, run, state, "read", diagnostics)
	if s == nil {
		return state
	}
	defer s.close()

	mark, doubt := private.mark()
	imported := state[attrUID] == nil && private[moved] == nil
	delete(private, fresh)
	delete(private, moved)
	find := s.cluster.Find
	if doubt { // an earlier list may not have the result of the last write
		find = s.cluster.Get
	}
	live, err := find(s.ctx, s.ref)
	if kube.IsGone(err) {
		return nil
	}
	if err != nil {
		s.fail("get", err)
		return state
	}
	run.read(s.ref)
	if doubt {
		if !marked(live, mark) {
			return nil
		}
		delete(private, unconfirmed)
	} else if imported {
		state = k.found(live, state)
		private[fresh] = []byte("true")
		if k.isBare(live) {
			k.fillBare(state)
			private[bare] = []byte("true")
		}
	}
	if uid := state.string(attrUID); uid != "" && uid != string(live.GetUID()) {
		s.diagnostics.AddWarning(fmt.Sprintf("%s was recreated outside of Terraform", s.ref),
			fmt.Sprintf("The object with UID %s was replaced by one with the same name and UID %s, which Terraform manages from now on. If it is not yours, "+
				"remove it from the state with terraform state rm.", uid, live.GetUID()))
	}
	now, unknown, err := k.observe(live, state)
	if err != nil {
		s.fail("get", err)
		return state
	}
	if len(unknown) > 0 {
		s.diagnostics.AddWarning(fmt.Sprintf("%s has fields that this provider does not know", s.ref),
			fmt.Sprintf("The provider neither shows nor changes spec.%s. Use a provider release for the cluster's version of Istio.", strings.Join(unknown, ", spec.")))
	}
	companions, err := s.inspect(live, now)
	if err != nil {
		s.fail("get", err)
		return state
	}
	k.compute(now, Stored{Unstructured: live, Companions: companions}, nil)
	s.relate(nil, live)
	return now
}

// update writes what the plan changes, and returns the state.
func (k *Kind) update(ctx context.Context, run *Run, prior, plan values, diagnostics *diag.Diagnostics) values {
	s := k.open(ctx, run, plan, "update", diagnostics)
	if s == nil {
		return prior
	}
	defer s.close()

	kept := s.retain(prior, plan)
	s.relied(prior, kept)
	s.spread(prior, plan)
	live, err := s.update(prior, kept)
	if err != nil {
		s.fail("patch", err)
		return prior
	}
	state := s.settle(prior, kept, live)
	if k.Keeps != nil {
		state.set(k.Keeps.Attribute, plan[k.Keeps.Attribute])
		if len(difference(k.specOf(plan), k.specOf(kept))) > 0 {
			s.leave(kept, plan)
		}
	}
	s.clear()
	return state
}

// delete deletes the object and returns its state, or nil once it is deleted.
func (k *Kind) delete(ctx context.Context, run *Run, state values, private private, diagnostics *diag.Diagnostics) values {
	s := k.open(ctx, run, state, "delete", diagnostics)
	if s == nil {
		return state
	}
	defer s.close()

	uid := state.string(attrUID)
	if uid == "" { // the create may have failed, and an object with this name may be someone else's
		mark, known := private.mark()
		live, err := s.get()
		switch {
		case kube.IsGone(err), err == nil && known && !marked(live, mark):
			return nil
		case err != nil:
			s.fail("get", err)
			return state
		case !known: // Terraform passes the mark only to a destroy or a refresh
			s.diagnostics.AddError(fmt.Sprintf("%s may not belong to this resource", s.ref),
				"It is not known whether an earlier apply created the object, so it was not deleted. Run the same command without -refresh=false to find out.")
			return state
		}
		uid = string(live.GetUID())
	}
	s.relied(state, nil)
	if err := s.delete(uid); err != nil {
		s.fail("delete", err)
	}
	if diagnostics.HasError() {
		return state
	}
	s.cluster.Note(s.ref, nil)
	s.clear()
	return nil
}

// session is an operation on an object.
type session struct {
	kind        *Kind
	run         *Run
	values      values
	dry         bool // for a dry run
	ref         kube.Object
	cluster     *kube.Cluster
	ctx         context.Context // ends with the operation's timeout, and with Ctrl-C
	cancel      context.CancelFunc
	warnings    *kube.Warnings
	diagnostics *diag.Diagnostics
}

// open starts an operation ("create", "read", "update", "delete") on the object of v. It returns nil after an error.
func (k *Kind) open(ctx context.Context, run *Run, v values, operation string, diagnostics *diag.Diagnostics) *session {
	s := &session{kind: k, run: run, values: v, ref: k.ref(v), diagnostics: diagnostics}
	cluster, diags := run.Cluster()
	diagnostics.Append(diags...)
	limit := defaultTimeout
	if given, ok := mapOf(v[attrTimeouts])[operation].(string); ok {
		limit, _ = time.ParseDuration(given) // already validated
	}
	if diags.HasError() {
		return nil
	}
	s.cluster = cluster
	ctx, s.warnings = kube.WithWarnings(ctx)
	s.ctx, s.cancel = context.WithTimeout(ctx, limit)
	return s
}

// interrupted reports whether the user has pressed Ctrl-C.
func (s *session) interrupted() bool { return errors.Is(s.ctx.Err(), context.Canceled) }

func (s *session) close() {
	s.cancel()
	warnings := s.warnings.Diagnostics(s.ref)
	if len(warnings) > 0 {
		told := s.kind.told(s.values)
		warnings = slices.DeleteFunc(warnings, func(d diag.Diagnostic) bool {
			return slices.Contains(told, d.Detail()) || !s.run.first(d.Summary()+d.Detail())
		})
	}
	s.diagnostics.Append(warnings...)
}

// fail reports the error of a request.
func (s *session) fail(verb string, err error) {
	var explained interface{ report(*session) }
	var value *spec.Error
	switch {
	case !s.run.applying.Load() && errors.As(err, new(*kube.DownError)) && !s.run.first("down"):
		// A plan reports it once and continues with the state. An apply reports it for each object.
	case errors.As(err, &explained):
		explained.report(s)
	case len(kube.UnknownFields(err)) > 0:
		s.tooNew(kube.UnknownFields(err))
	case errors.As(err, &value):
		s.diagnostics.AddAttributeError(value.Path, fmt.Sprintf("%s has a value that cannot be converted", s.ref), value.Error()+".")
	default:
		s.explain(verb, s.ref, err, s.kind.at)
	}
}

// settle applies the companions of a stored object, waits until everything is ready, and returns the state. The object is in the state even
// after an error.
func (s *session) settle(prior, plan values, live *unstructured.Unstructured) values {
	s.cluster.Note(s.ref, live)
	s.offer(prior, live)
	state := plan.known()
	stored := Stored{Unstructured: live}
	companions, states, err := s.accompany(live, prior, plan)
	if s.kind.Companions != nil {
		state.set(attrCompanions, stringMap(states))
	}
	if err == nil {
		stored.Companions = companions
		stored.Unstructured, err = s.wait(live)
	}
	if err != nil {
		s.fail("get", err)
		stored.Unstructured = live
	} else {
		s.warnOfMutation(plan, stored.Unstructured)
	}
	s.kind.compute(state, stored, plan)
	s.relate(prior, stored.Unstructured)
	return state
}

// refuse reports that the object already exists, and what to do.
func (s *session) refuse() {
	resource := strings.NewReplacer(".", "_").Replace(s.ref.Name)
	detail := fmt.Sprintf("This resource did not create the object, so Terraform does not change it. To manage it here, add this block with the resource's "+
		"address and plan again:\n\n  import {\n    to = lamia_%[1]s.%[2]s\n    id = %[3]q\n  }\n\n"+
		"If you renamed the resource, add this block with its old address instead:\n\n  moved {\n    from = lamia_%[1]s.old\n    to   = lamia_%[1]s.%[2]s\n  }\n\n"+
		"Otherwise choose another name or delete the object.", s.kind.Type, resource, id(s.ref.Namespace, s.ref.Name))
	if s.dry {
		detail += "\n\n" + kube.DryRunAdvice
	}
	s.diagnostics.AddError(fmt.Sprintf("%s already exists", s.ref), detail)
}

// explain adds kube.Diagnostics.
func (s *session) explain(verb string, o kube.Object, err error, at func(field string) (path.Path, bool)) {
	if s.dry {
		s.diagnostics.Append(kube.DryRunDiagnostics(verb, o, err, at)...)
		return
	}
	s.diagnostics.Append(kube.Diagnostics(verb, o, err, at)...)
}
