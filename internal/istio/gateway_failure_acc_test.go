package istio_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
)

// others are objects of someone else, by kind.
var others = map[string]string{
	"ServiceAccount": `{}`,
	"Role":           `{"rules":[]}`,
	"RoleBinding":    `{"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"theirs"}}`,
	"Service":        `{"spec":{"ports":[{"port":80}]}}`,
	"Deployment": `{"spec":{"replicas":0,"selector":{"matchLabels":{"app":"theirs"}},"template":{"metadata":{"labels":{"app":"theirs"}},` +
		`"spec":{"containers":[{"name":"theirs","image":"theirs"}]}}}}`,
	"HorizontalPodAutoscaler": `{"spec":{"maxReplicas":1,"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"theirs"}}}`,
	"PodDisruptionBudget":     `{"spec":{"maxUnavailable":1}}`,
}

// block creates an object of someone else with the name of a companion.
func (g gateway) block(kind string) (o *acctest.Object, made *unstructured.Unstructured) {
	g.t.Helper()
	o = g.companion(kind)
	made = &unstructured.Unstructured{}
	if err := json.Unmarshal([]byte(others[kind]), &made.Object); err != nil {
		g.t.Fatal(err)
	}
	made.SetGroupVersionKind(o.Kind.Resource.GroupVersion().WithKind(kind))
	made.SetName(o.Name)
	if _, err := resources(g.t, o.Kind.Resource).Namespace(g.Namespace).Create(g.t.Context(), made, metav1.CreateOptions{FieldManager: acctest.SomeoneElse}); err != nil {
		g.t.Fatal(err)
	}
	return o, g.settled(o)
}

// settled returns the object once its controllers have seen it.
func (g gateway) settled(o *acctest.Object) (live *unstructured.Unstructured) {
	g.t.Helper()
	eventually(g.t, o.String()+" is settled", func() bool {
		live = o.Live()
		observed, ok, _ := unstructured.NestedInt64(live.Object, "status", "observedGeneration")
		return !ok || observed == live.GetGeneration()
	})
	return live
}

// If someone else's object has the name of a companion, an error names it. The object stays unchanged, and nothing else is written.
func TestAccGateway_taken(t *testing.T) {
	t.Parallel()
	for kind := range others {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			attributes := idle
			if kind == "HorizontalPodAutoscaler" {
				acctest.NeedDataplane(t) // an autoscaler runs at least one proxy
				attributes = nil
			}
			g := newGateway(t, "gw")
			theirs, before := g.block(kind)
			tf := g.terraform(attributes)
			fails(t, tf.Run("apply", "-auto-approve"), kind+` "`+g.Namespace+`/gw-gateway" already exists`, `Gateway "`+g.Namespace+`/gw"`, "Nothing was written")
			if g.Exists() || len(g.live()) != 1 || len(tf.State()) != 0 {
				t.Errorf("something was written: Gateway %v, companions %v, state %v", g.Exists(), g.live(), tf.State())
			}
			sameContent(t, theirs, before)

			theirs.Delete()
			tf.Must("apply", "-auto-approve")
			tf.Empty()
		})
	}
}

// A gateway that already exists with its companions must be imported. The error is about the gateway, not about its companions.
func TestAccGateway_exists(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "gw")
	tf := g.terraform(idle)
	tf.Must("apply", "-auto-approve")
	fails(t, g.terraform(idle).Run("apply", "-auto-approve"), `Gateway "`+g.Namespace+`/gw" already exists`, "import {")
	tf.Empty()
}

// The same is true for a gateway that had no companions before.
func TestAccGateway_takenOnSwitch(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "gw")
	tf := g.terraform(object{"selector": object{"istio": "ingressgateway"}})
	tf.Must("apply", "-auto-approve")
	theirs, before := g.block("Service")
	gateway := g.Live()
	tf.Configure(g.folder(nil))
	fails(t, tf.Run("apply", "-auto-approve"), `Service "`+g.Namespace+`/gw-gateway" already exists`, "Nothing was written")
	if err := g.Untouched(gateway); err != nil {
		t.Error(err)
	}
	if live := g.live(); len(live) != 1 {
		t.Errorf("companions were made: %v", live)
	}
	sameContent(t, theirs, before)
}

func sameContent(t *testing.T, o *acctest.Object, before *unstructured.Unstructured) {
	t.Helper()
	live := o.Live()
	if live.GetUID() != before.GetUID() {
		t.Errorf("%s was replaced", o)
	}
	for _, e := range live.GetManagedFields() {
		if strings.HasPrefix(e.Manager, "terraform") {
			t.Errorf("%s was written to by %s", o, e.Manager)
		}
	}
}

// fails checks that there is exactly one error, and that it matches these patterns.
func fails(t *testing.T, diagnostics acctest.Diagnostics, wants ...string) {
	t.Helper()
	errors := diagnostics.Errors()
	if len(errors) != 1 {
		t.Fatalf("%d errors, want 1:\n%s", len(errors), diagnostics)
	}
	for _, want := range wants {
		if !regexp.MustCompile(want).MatchString(errors[0].String()) {
			t.Errorf("the error says\n%s\nbut not %s", errors[0], want)
		}
	}
}

// warns checks that there is no error, and a warning that matches these patterns.
func warns(t *testing.T, diagnostics acctest.Diagnostics, wants ...string) {
	t.Helper()
	if errors := diagnostics.Errors(); len(errors) > 0 {
		t.Fatalf("there are errors:\n%s", errors)
	}
	for _, want := range wants {
		if !regexp.MustCompile(want).MatchString(diagnostics.String()) {
			t.Errorf("the warnings say\n%s\nbut not %s", diagnostics, want)
		}
	}
}

// If proxies do not become ready in time, an error says why. On create it is a warning, because an error would make Terraform taint the gateway.
// Everything that was created stays in the state, the next apply waits again, and a fixed configuration heals the gateway in place.
func TestAccGateway_notReady(t *testing.T) {
	t.Parallel()
	tests := []struct {
		update   bool
		workload object
		wants    []string
		heal     object // a configuration that can become ready; idle by default
		g        gateway
		tf       *acctest.Terraform
		apply    *acctest.Command
	}{
		{
			workload: object{"node_selector": object{"pool": "none"}},
			wants:    []string{`Pod gw-gateway-\S+: Unschedulable: .*didn't match Pod's node affinity/selector`, `Pod gw-gateway-\S+: FailedScheduling`},
		},
		{
			update:   true,
			workload: object{"node_selector": object{"pool": "none"}},
			wants:    []string{`Pod gw-gateway-\S+: Unschedulable: .*didn't match Pod's node affinity/selector`},
		},
		{
			workload: object{"revision": "none"},
			wants:    []string{`Pod gw-gateway-\S+: its image is still auto because no sidecar injector ran`, `workload\.revision`},
		},
		{
			workload: object{"replicas": 0, "service": object{"load_balancer_class": "example.com/none"}},
			wants:    []string{"an address of its load balancer"},
			heal:     object{"workload": object{"replicas": 0, "service": object{"type": "ClusterIP"}}}, // the class is immutable
		},
	}
	for i := range tests { // in parallel, because they only wait
		test := &tests[i]
		broken := object{"workload": test.workload, "timeouts": object{"create": "10s", "update": "10s"}}
		test.g = newGateway(t, "gw")
		if test.update {
			test.tf = test.g.terraform(idle)
			test.tf.Must("apply", "-auto-approve")
			test.tf.Configure(test.g.folder(broken))
		} else {
			test.tf = test.g.terraform(broken)
		}
		test.apply = test.tf.Start("apply", "-auto-approve")
	}
	for i := range tests {
		test := &tests[i]
		wants := append(test.wants, `Gateway "\S+/gw" is not ready`, `waiting for`, `timeouts`)
		if test.update {
			fails(t, test.apply.Wait(), wants...)
		} else {
			warns(t, test.apply.Wait(), append(wants, "Apply again to finish it")...)
			test.apply = test.tf.Start("apply", "-auto-approve") // in parallel, too
		}
		if state := test.tf.State(); !slices.Equal(state, []string{gatewayAddress}) {
			t.Errorf("the state holds %v", state)
		}
	}
	for i := range tests {
		test := &tests[i]
		uid, service := test.g.Live().GetUID(), test.g.companion("Service").Live().GetUID()
		if !test.update {
			fails(t, test.apply.Wait(), `Gateway "\S+/gw" is not ready`)
		}
		if test.heal == nil {
			test.heal = idle
		}
		test.tf.Configure(test.g.folder(test.heal))
		test.tf.Must("apply", "-auto-approve")
		test.tf.Empty()
		if now := test.g.Live().GetUID(); now != uid {
			t.Errorf("the Gateway was replaced: UID %s, now %s", uid, now)
		}
		if now := test.g.companion("Service").Live().GetUID(); now != service {
			t.Errorf("the Service was replaced: UID %s, now %s", service, now)
		}
		test.tf.Must("destroy", "-auto-approve")
		test.g.gone()
	}
}

// If Kubernetes gives up on the rollout, the apply does not wait for its timeout.
func TestAccGateway_givesUp(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "gw")
	apply := g.terraform(object{"workload": object{"node_selector": object{"pool": "none"}}, "timeouts": object{"create": "1h"}}).Start("apply", "-auto-approve")
	deployment := g.companion("Deployment")
	eventually(t, deployment.String()+" is there", deployment.Exists)
	deployment.Patch(`{"spec":{"progressDeadlineSeconds":1}}`)
	warns(t, apply.Wait(), `Gateway "\S+/gw" is not ready`, `the rollout of the Deployment gw-gateway has failed: .*has timed out progressing`)
}

// Proxies that could not run start once the cause is gone. Until then, a postcondition makes the apply fail without tainting anything.
func TestAccGateway_heals(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	g := newGateway(t, "gw")
	tf := g.terraform(object{
		"workload":  object{"node_selector": object{"pool": "none"}},
		"timeouts":  object{"create": "5s"},
		"lifecycle": object{"postcondition": object{"condition": `${alltrue([for state in self.companions : state == "in sync"])}`, "error_message": "Apply again."}},
	})
	said := tf.Run("apply", "-auto-approve")
	fails(t, said, "postcondition failed", "Apply again.")
	if !strings.Contains(said.String(), "is not ready") {
		t.Errorf("it is not said why:\n%s", said)
	}
	uid := g.Live().GetUID()
	g.heals(tf)
	if now := g.Live().GetUID(); now != uid {
		t.Errorf("the Gateway was replaced: UID %s, now %s", uid, now)
	}
	tf.Must("destroy", "-auto-approve")
	g.gone()
}

// heals applies the gateway without the cause of its failure.
func (g gateway) heals(tf *acctest.Terraform) {
	g.t.Helper()
	tf.Configure(g.folder(nil))
	tf.Must("apply", "-auto-approve")
	for _, err := range []error{g.owns(), g.available(), g.selectsItsPods()} {
		if err != nil {
			g.t.Error(err)
		}
	}
}

// The next apply completes an interrupted create. Nothing is tainted, so no address is lost.
func TestAccGateway_interrupted(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "gw")
	service := func(tuning object) string {
		return g.folder(object{"workload": object{"replicas": 0, "service": tuning}})
	}
	tf := acctest.NewTerraform(t, service(object{"load_balancer_class": "example.com/none"}), "", nil)
	apply := tf.Start("apply", "-auto-approve")
	if err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		return g.companion("Deployment").Exists(), nil
	}); err != nil {
		t.Fatal(err)
	}
	apply.Interrupt()
	if errors := apply.Wait().Errors(); len(errors) == 0 {
		t.Error("an interrupted apply succeeds")
	}
	made := g.Live().GetUID()
	tf.Configure(service(object{"type": "ClusterIP"}))
	tf.Must("apply", "-auto-approve")
	if now := g.Live().GetUID(); now != made {
		t.Errorf("the Gateway of UID %s has become one of UID %s", made, now)
	}
	tf.Empty()
	tf.Must("destroy", "-auto-approve")
}

// If an apply cannot delete companions that are no longer wanted, the next one does.
func TestAccGateway_switchInterrupted(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "gw")
	tf := g.terraform(idle)
	tf.Must("apply", "-auto-approve")
	role := g.companion("Role")
	role.Patch(`{"metadata":{"finalizers":["example.com/theirs"]}}`)
	selecting := g.folder(object{"selector": object{"istio": "ingressgateway"}, "timeouts": object{"update": "5s"}})
	tf.Configure(selecting)
	fails(t, tf.Run("apply", "-auto-approve"), `the deletion of Role "`+g.Namespace+`/gw-gateway"`)
	if g.companion("Deployment").Exists() || !g.companion("Service").Exists() {
		t.Error("the Role is to be deleted after the Deployment and before the Service")
	}
	role.Patch(`{"metadata":{"finalizers":null}}`)
	tf.Must("apply", "-auto-approve")
	if live := g.live(); len(live) > 0 {
		t.Errorf("companions are left: %v", slices.Collect(maps.Keys(live)))
	}
	tf.Must("destroy", "-auto-approve")
}

// A lost connection while companions are created or deleted is retried: the apply continues, and nothing is tainted.
func TestAccGateway_connectionLost(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "gw")
	var lost sync.Map
	proxy := acctest.Proxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		writes := r.Method == http.MethodPatch || r.Method == http.MethodDelete
		if _, before := lost.LoadOrStore(fmt.Sprint(r.Method, r.URL.Path, acctest.IsDryRun(r)), nil); !before && writes && !acctest.IsDryRun(r) {
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	})
	tf := acctest.NewTerraform(t, g.folder(object{"workload": object{"replicas": 0}}), proxy, nil)
	tf.Must("apply", "-auto-approve")
	tf.Empty()
	tf.Configure(g.folder(object{"selector": object{"istio": "ingressgateway"}}))
	tf.Must("apply", "-auto-approve")
	if live := g.live(); len(live) > 0 {
		t.Errorf("companions are left: %v", slices.Collect(maps.Keys(live)))
	}
}

// If the API server rejects an update of a companion, the update is planned again until it is no longer in the configuration.
func TestAccGateway_refusedUpdate(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	g := newGateway(t, "gw")
	tf := g.terraform(nil)
	tf.Must("apply", "-auto-approve")
	late := g.folder(object{"workload": object{"service": object{"ip_families": []any{"IPv6"}}}})
	tf.Configure(late)
	fails(t, tf.Run("plan"), `Service "\S+/gw-gateway" cannot be updated`, `ipFamilies`)
	tf.Configure(acctest.Folder(t, late, map[string]string{"provider.tf": `provider "lamia" { dry_run = "never" }`}))
	for range 2 { // the second plan follows from what the first apply left
		fails(t, tf.Run("apply", "-auto-approve"), `Service "\S+/gw-gateway" not updated`, `ipFamilies`)
	}
	g.heals(tf)
	tf.Must("destroy", "-auto-approve")
	g.gone()
}

// An autoscaler starts with the number of proxies that already run.
func TestAccGateway_fixedToAutoscaled(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	g := newGateway(t, "gw")
	tf := g.terraform(object{"workload": object{"replicas": 3}})
	tf.Must("apply", "-auto-approve")
	before := g.companion("Deployment").Live()
	tf.Configure(g.folder(object{"workload": object{"autoscaling": object{"min_replicas": 3, "max_replicas": 4}}}))
	tf.Must("apply", "-auto-approve")
	// A Deployment's generation counts changes of its spec. It has not changed, so no proxy was stopped.
	if now := g.companion("Deployment").Live(); *g.deployment().Spec.Replicas != 3 || now.GetGeneration() != before.GetGeneration() {
		t.Errorf("%d replicas, generation %d, before %d", *g.deployment().Spec.Replicas, now.GetGeneration(), before.GetGeneration())
	}
	tf.Empty()
	tf.Must("destroy", "-auto-approve")
	g.gone()
}
