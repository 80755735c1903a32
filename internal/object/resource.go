package object

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/magneticio/terraform-provider-lamia/internal/kube"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

var (
	_ resource.ResourceWithConfigure   = (*object)(nil)
	_ resource.ResourceWithModifyPlan  = (*object)(nil)
	_ resource.ResourceWithImportState = (*object)(nil)
)

const defaultTimeout = 5 * time.Minute

// unconfirmed marks, in the private state, an object that may have been created: the answer was lost.
const unconfirmed = "unconfirmed"

// New makes the resource of a kind.
func New(k *Kind) func() resource.Resource {
	return func() resource.Resource { return &object{kind: k} }
}

type object struct {
	kind *Kind
	walk *Walk
}

func (r *object) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + r.kind.Type
	resp.ResourceBehavior.ProviderDeferred.EnablePlanModification = true // what needs no cluster is checked although the plan is put off
}

func (r *object) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{MarkdownDescription: r.kind.Description, Attributes: r.kind.attributes(ctx)}
}

func (r *object) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	if req.ProviderData != nil { // it is nil while terraform validates
		r.walk = req.ProviderData.(*Walk)
	}
}

func (r *object) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	plan := valuesOf(req.Plan.Raw)
	s := r.open(ctx, plan, req.Plan.GetAttribute, timeouts.Value.Create, &resp.Diagnostics)
	if s == nil {
		return
	}
	defer s.close()
	r.walk.applying.Store(true)

	if err := s.preflight(plan); err != nil {
		if errors.As(err, new(*takenError)) {
			if _, missing := s.get(); missing == nil { // the companions are its own
				s.refuse()
				return
			}
		}
		s.fail("create", err)
		return
	}
	live, err := s.create(plan)
	switch {
	case err == nil:
	case apierrors.IsAlreadyExists(err):
		s.refuse()
		return
	case kube.Ambiguous(err):
		s.diagnostics.AddWarning(fmt.Sprintf("%s may have been created", s.ref),
			"The request was sent but its answer was lost, and the API server could not be asked afterwards. The object is kept in the state; the next plan looks for it.")
		s.diagnostics.Append(resp.Private.SetKey(s.ctx, unconfirmed, []byte("true"))...)
		resp.State.Raw = plan.known().raw(req.Plan.Raw.Type())
		fallthrough
	default:
		s.fail("create", err)
		return
	}
	resp.State.Raw = s.settle(nil, plan, live).raw(req.Plan.Raw.Type())
	if resp.Diagnostics.HasError() {
		s.diagnostics.AddWarning(fmt.Sprintf("The next apply replaces %s", s.ref),
			"Terraform marks as tainted what it could not create to the end. To keep the object, and its addresses, run terraform untaint with the address of the resource first.")
	}
}

func (r *object) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	state := valuesOf(req.State.Raw)
	s := r.open(ctx, state, req.State.GetAttribute, timeouts.Value.Read, &resp.Diagnostics)
	if s == nil {
		return
	}
	defer s.close()

	live, err := s.get()
	if kube.IsGone(err) {
		resp.State.RemoveResource(s.ctx)
		return
	}
	if err != nil {
		s.fail("get", err)
		return
	}
	r.walk.read(s.ref)
	doubt, diags := req.Private.GetKey(s.ctx, unconfirmed)
	s.diagnostics.Append(diags...)
	if doubt != nil {
		if !r.kind.made(live, state) {
			resp.State.RemoveResource(s.ctx)
			return
		}
		s.diagnostics.Append(resp.Private.SetKey(s.ctx, unconfirmed, nil)...)
	} else if state[attrUID].IsNull() { // imported
		state[attrLabels] = stringMapValue(ownKeys(live.GetManagedFields(), "labels", live.GetLabels()))
		state[attrAnnotations] = stringMapValue(ownKeys(live.GetManagedFields(), "annotations", live.GetAnnotations()))
	}
	if uid := state.string(attrUID); uid != "" && uid != string(live.GetUID()) {
		s.diagnostics.AddWarning(fmt.Sprintf("%s was made anew outside of Terraform", s.ref),
			fmt.Sprintf("The object of UID %s is gone; one of the same name and UID %s is there. Terraform goes on with that one. "+
				"If it is somebody else's, take it out of the state: terraform state rm.", uid, live.GetUID()))
	}
	now, unknown, err := r.kind.observe(live, state)
	if err != nil {
		s.fail("get", err)
		return
	}
	if len(unknown) > 0 {
		s.diagnostics.AddWarning(fmt.Sprintf("%s has fields that this provider does not know", s.ref),
			fmt.Sprintf("The provider follows Istio's API as of its own release. It neither shows nor keeps: spec.%s. "+
				"Use a provider release for the Istio version of the cluster.", strings.Join(unknown, ", spec.")))
	}
	companions, states, err := s.inspect(live, now)
	if err != nil {
		s.fail("get", err)
		return
	}
	if r.kind.Companions != nil {
		now[attrCompanions] = stringMapValue(states)
	}
	r.kind.compute(now, Stored{live, companions})
	resp.State.Raw = now.raw(req.State.Raw.Type())
	s.relate(nil, live, time.Time{}, 0)
}

func (r *object) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	prior, plan := valuesOf(req.State.Raw), valuesOf(req.Plan.Raw)
	s := r.open(ctx, plan, req.Plan.GetAttribute, timeouts.Value.Update, &resp.Diagnostics)
	if s == nil {
		return
	}
	defer s.close()
	r.walk.applying.Store(true)

	if s.relied(prior, plan) {
		return
	}
	live, err := s.update(prior, plan)
	if err != nil {
		s.fail("patch", err)
		return
	}
	resp.State.Raw = s.settle(prior, plan, live).raw(req.Plan.Raw.Type())
}

func (r *object) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	state := valuesOf(req.State.Raw)
	s := r.open(ctx, state, req.State.GetAttribute, timeouts.Value.Delete, &resp.Diagnostics)
	if s == nil {
		return
	}
	defer s.close()
	r.walk.applying.Store(true)

	uid := state.string(attrUID)
	if uid == "" { // it may never have been created: whatever bears its name may be somebody else's
		live, err := s.get()
		if kube.IsGone(err) || err == nil && !r.kind.made(live, state) {
			return
		}
		if err != nil {
			s.fail("get", err)
			return
		}
		uid = string(live.GetUID())
	}
	if err := s.delete(uid); err != nil {
		s.fail("delete", err)
	}
}

func (r *object) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	namespace, name, ok := strings.Cut(req.ID, "/")
	if !ok {
		namespace, name = r.walk.Namespace(), req.ID
	}
	if !ok && namespace == "" {
		resp.Diagnostics.AddError("Invalid Import ID",
			fmt.Sprintf("%q names no namespace, and that of the provider is not known yet. Give <namespace>/<name>.", req.ID))
		return
	}
	if namespace == "" || name == "" || strings.Contains(name, "/") {
		resp.Diagnostics.AddError("Invalid Import ID",
			fmt.Sprintf("%q does not name a %s. Give <namespace>/<name>, or the name alone for the provider's namespace.", req.ID, r.kind.Kind))
		return
	}
	for attribute, value := range map[string]string{attrNamespace: namespace, attrName: name, attrID: id(namespace, name)} {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(attribute), value)...)
	}
}

// session is one operation on one object.
type session struct {
	kind        *Kind
	walk        *Walk
	values      values
	dry         bool // nothing is stored: see dryRun
	ref         kube.Object
	cluster     *kube.Cluster
	ctx         context.Context // ends with the operation's timeout, and with Ctrl-C
	cancel      context.CancelFunc
	warnings    *kube.Warnings
	diagnostics *diag.Diagnostics
}

// open begins an operation on the object that v is about; nil after an error.
func (r *object) open(ctx context.Context, v values,
	getAttribute func(context.Context, path.Path, any) diag.Diagnostics,
	timeout func(timeouts.Value, context.Context, time.Duration) (time.Duration, diag.Diagnostics),
	diagnostics *diag.Diagnostics,
) *session {
	s := &session{kind: r.kind, walk: r.walk, values: v, ref: r.kind.ref(v), diagnostics: diagnostics}
	cluster, diags := r.walk.Cluster()
	diagnostics.Append(diags...)
	var given timeouts.Value
	diagnostics.Append(getAttribute(ctx, path.Root(attrTimeouts), &given)...)
	limit, diags := timeout(given, ctx, defaultTimeout)
	diagnostics.Append(diags...)
	if diagnostics.HasError() {
		return nil
	}
	s.cluster = cluster
	ctx, s.warnings = kube.WithWarnings(ctx)
	s.ctx, s.cancel = context.WithTimeout(ctx, limit)
	return s
}

func (s *session) close() {
	s.cancel()
	warnings := s.warnings.Diagnostics(s.ref)
	if len(warnings) > 0 {
		told := s.kind.told(s.values)
		warnings = slices.DeleteFunc(warnings, func(d diag.Diagnostic) bool {
			return slices.Contains(told, d.Detail()) || !s.walk.first(d.Summary()+d.Detail())
		})
	}
	s.diagnostics.Append(warnings...)
}

// fail says what became of the request that ended in err.
func (s *session) fail(verb string, err error) {
	var explained interface{ report(*session) }
	var value *spec.Error
	switch {
	case errors.As(err, &explained):
		explained.report(s)
	case errors.As(err, &value):
		s.diagnostics.AddAttributeError(value.Path, fmt.Sprintf("%s holds a value that cannot be converted", s.ref), value.Error()+".")
	default:
		s.explain(verb, s.ref, err, s.kind.at)
	}
}

// explain is kube.Diagnostics.
func (s *session) explain(verb string, o kube.Object, err error, at func(field string) (path.Path, bool)) {
	if s.dry {
		s.diagnostics.Append(kube.DryRunDiagnostics(verb, o, err, at)...)
		return
	}
	s.diagnostics.Append(kube.Diagnostics(verb, o, err, at)...)
}

// settle makes and awaits what belongs to the object that is stored now, and returns the state. Whatever fails, the object is in it.
func (s *session) settle(prior, plan values, live *unstructured.Unstructured) values {
	state := plan.known()
	stored := Stored{live, nil}
	companions, err := s.accompany(live, prior, plan)
	if err == nil {
		stored.Companions = companions
		stored.Unstructured, err = s.wait(live)
	}
	if err != nil {
		s.fail("get", err)
		stored.Unstructured = live
		if s.kind.Companions != nil {
			states := make(map[string]string)
			for kind := range s.kind.Companions.Resources {
				states[kind] = unknown
			}
			state[attrCompanions] = stringMapValue(states)
		}
	} else {
		s.warnOfMutation(plan, stored.Unstructured)
	}
	s.kind.compute(state, stored)
	s.relate(prior, stored.Unstructured, time.Now(), settling)
	return state
}

// refuse says that the object exists already, and what to do about it.
func (s *session) refuse() {
	resource := strings.NewReplacer(".", "_").Replace(s.ref.Name)
	detail := fmt.Sprintf("Terraform does not take over unasked what it did not make for this resource. If it shall be managed here, add this block, with the address of "+
		"the resource, and plan again:\n\n  import {\n    to = lamia_%[1]s.%[2]s\n    id = %[3]q\n  }\n\n"+
		"If the resource had another address until now, add this instead, with the old one:\n\n  moved {\n    from = lamia_%[1]s.old\n    to   = lamia_%[1]s.%[2]s\n  }\n\n"+
		"Else choose another name, or delete the object.", s.kind.Type, resource, id(s.ref.Namespace, s.ref.Name))
	if s.dry {
		detail += "\n\n" + kube.DryRunAdvice
	}
	s.diagnostics.AddError(fmt.Sprintf("%s exists already", s.ref), detail)
}
