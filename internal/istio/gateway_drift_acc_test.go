package istio_test

import (
	"context"
	"fmt"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
)

// intrusions are patches of fields that the provider sets, and the fields, by kind of companion.
var intrusions = map[string]struct{ patch, field string }{
	"ServiceAccount":          {`{"metadata":{"labels":{"app":"theirs"}}}`, "metadata.labels.app"},
	"Role":                    {`{"rules":[]}`, "rules"},
	"RoleBinding":             {`{"subjects":[{"kind":"ServiceAccount","name":"theirs","namespace":"theirs"}]}`, "subjects"},
	"Service":                 {`{"spec":{"selector":{"app":"theirs"},"type":"ClusterIP"}}`, "spec.allocateLoadBalancerNodePorts, spec.externalTrafficPolicy, spec.ports, spec.selector.app, spec.type"},
	"Deployment":              {`{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":5}}}}`, "spec.template.spec.terminationGracePeriodSeconds"},
	"HorizontalPodAutoscaler": {`{"spec":{"maxReplicas":9}}`, "spec.maxReplicas"},
	"PodDisruptionBudget":     {`{"spec":{"maxUnavailable":0}}`, "spec.maxUnavailable"},
}

// told checks the states of companions, by kind, in the state before a plan.
type told map[string]*regexp.Regexp

func (want told) CheckPlan(_ context.Context, req plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	for _, c := range req.Plan.ResourceChanges {
		if c.Address != gatewayAddress {
			continue
		}
		before, _ := c.Change.Before.(map[string]any)
		states, _ := before["companions"].(map[string]any)
		changes, _ := before["companion_changes"].(map[string]any)
		for kind, pattern := range want {
			state, _ := states[kind].(string)
			if change, _ := changes[kind].(string); change != "" {
				state += ": " + change
			}
			if !pattern.MatchString(state) {
				resp.Error = fmt.Errorf("companions[%q] was %q, want %s", kind, state, pattern)
			}
		}
		return
	}
	resp.Error = fmt.Errorf("the plan has no %s", gatewayAddress)
}

// If someone else changes a field of a companion that the provider sets, the next plan shows it, with the writer, and the apply reverts it. A
// companion that someone else deletes is recreated.
func TestAccGateway_drift(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	g := newGateway(t, "gw")
	var before map[string]*unstructured.Unstructured
	changed, missing := told{}, told{}
	for _, kind := range g.companions() {
		changed[kind] = regexp.MustCompile(`^changed: ` + regexp.QuoteMeta(intrusions[kind].field) + `, last written by "` + acctest.SomeoneElse + `" at 20\S+Z$`)
		missing[kind] = regexp.MustCompile("^missing$")
	}
	restored := acctest.Check(func() error {
		live := g.live()
		for kind, b := range before {
			if err := is(kind, lasting(live[kind]), lasting(b)); err != nil {
				return err
			}
		}
		return nil
	})
	checks := []statecheck.StateCheck{restored, state("companions", inSync(g.companions()...)), acctest.Check(g.owns), acctest.Check(g.available), state("address", found(g.loadBalancer))}
	g.test(
		resource.TestStep{ConfigDirectory: g.config(nil)},
		resource.TestStep{
			PreConfig: func() {
				before = g.live()
				for _, kind := range g.companions() {
					g.companion(kind).Patch(intrusions[kind].patch)
				}
			},
			ConfigDirectory:   g.config(nil),
			ConfigPlanChecks:  plans(plancheck.ResourceActionUpdate, changed, planned("companions", inSync(g.companions()...))),
			ConfigStateChecks: checks,
		},
		resource.TestStep{
			PreConfig: func() {
				for _, kind := range g.companions() {
					g.companion(kind).Delete()
				}
			},
			ConfigDirectory: g.config(nil),
			ConfigPlanChecks: plans(plancheck.ResourceActionUpdate,
				missing, unknown("address"), plancheck.ExpectUnknownOutputValue("address"), planned("companions", inSync(g.companions()...))),
			ConfigStateChecks: checks,
		},
	)
}

// lasting returns the parts of a companion that stay the same when it is recreated, without values that others choose.
func lasting(o *unstructured.Unstructured) map[string]any {
	if o == nil {
		return nil
	}
	content := o.DeepCopy().Object
	delete(content, "status")
	content["metadata"] = map[string]any{"labels": stringsOf(o.GetLabels()), "annotations": nil}
	if o.GetKind() == "Deployment" {
		delete(content["spec"].(map[string]any), "replicas")
	}
	if o.GetKind() == "Service" {
		spec := content["spec"].(map[string]any)
		for _, allocated := range []string{"clusterIP", "clusterIPs"} {
			delete(spec, allocated)
		}
		for _, port := range spec["ports"].([]any) {
			delete(port.(map[string]any), "nodePort")
		}
	}
	return content
}

func stringsOf(m map[string]string) map[string]any {
	all := make(map[string]any, len(m))
	for key, value := range m {
		all[key] = value
	}
	return all
}

// Fields that the provider does not set belong to others. They cause no difference, and no apply removes them.
func TestAccGateway_othersFields(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	g := newGateway(t, "gw")
	foreign := `{"metadata":{"labels":{"theirs":"x"},"annotations":{"theirs":"x"}}}`
	kept := acctest.Check(func() error {
		for kind, o := range g.live() {
			if o.GetLabels()["theirs"] != "x" || o.GetAnnotations()["theirs"] != "x" {
				return fmt.Errorf("the %s has lost its foreign label or annotation", kind)
			}
		}
		if n := *g.deployment().Spec.Replicas; n != 3 {
			return fmt.Errorf("the Deployment has %d replicas, want the 3 of the autoscaler", n)
		}
		return is("the annotation of kubectl rollout restart",
			g.deployment().Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"], "2026-01-01T00:00:00Z")
	})
	g.test(
		resource.TestStep{ConfigDirectory: g.config(nil)},
		resource.TestStep{
			PreConfig: func() {
				for _, kind := range g.companions() {
					g.companion(kind).Patch(foreign)
				}
				d := g.companion("Deployment")
				d.Patch(`{"spec":{"replicas":3}}`) // like an autoscaler
				d.Patch(`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-01-01T00:00:00Z"}}}}}`)
			},
			ConfigDirectory: g.config(nil),
			PlanOnly:        true,
		},
		resource.TestStep{
			ConfigDirectory:   g.config(object{"servers": servers(80, 8080), "workload": object{"termination_grace_period_seconds": 10}}),
			ConfigPlanChecks:  plans(plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{kept, acctest.Check(g.available)},
		},
	)
}
