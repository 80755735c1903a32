package istio_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/admission"
	object_ "github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// cluster is the real API server with istiod, with whose verdicts the provider must agree.
type cluster struct {
	dynamic.Interface
	namespace string
}

type warningsKey struct{}

// HandleWarningHeaderWithContext keeps a warning for the caller.
func (cluster) HandleWarningHeaderWithContext(ctx context.Context, _ int, _, text string) {
	*ctx.Value(warningsKey{}).(*[]string) = append(*ctx.Value(warningsKey{}).(*[]string), text)
}

func newCluster(t *testing.T) cluster {
	t.Helper()
	c := cluster{namespace: acctest.Namespace(t)}
	config := rest.CopyConfig(acctest.Config(t))
	config.QPS, config.WarningHandlerWithContext = -1, c
	var err error
	if c.Interface, err = dynamic.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	return c
}

// judge sends the object to the API server, with istiod's webhook, in a dry run.
func (c cluster) judge(t *testing.T, s sample, o *unstructured.Unstructured) (warnings []string, refusal error) {
	t.Helper()
	o = o.DeepCopy()
	o.SetNamespace(c.namespace)
	ctx := context.WithValue(t.Context(), warningsKey{}, &warnings)
	_, err := c.Resource(s.kind.Resource).Namespace(c.namespace).Create(ctx, o, metav1.CreateOptions{
		DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict,
	})
	if err != nil && !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) { // webhooks reject with the latter
		t.Fatalf("%s: %v", s.source, err)
	}
	return warnings, err
}

// tally counts verdicts.
type tally struct {
	sync.Mutex
	accepted, refused, warned int
	ruled                     int // the rejected ones that fit the schema of the resource
}

// compare fails the test if the provider and the cluster disagree on a sample: on whether it is valid, or on istiod's warnings.
func (c cluster) compare(t *testing.T, s sample, n *tally) {
	t.Helper()
	errors, warnings := s.validate(t, c.namespace, nil)
	o, err := s.object(c.namespace)
	if err != nil { // it cannot be sent
		if len(errors) == 0 {
			t.Errorf("%s is accepted offline, and cannot be encoded: %v", s.source, err)
		}
		return
	}
	warned, refusal := c.judge(t, s, o)
	n.Lock()
	defer n.Unlock()
	switch {
	case refusal == nil && len(errors) == 0:
		n.accepted++
	case refusal != nil && len(errors) > 0:
		n.refused++
		if !slices.ContainsFunc(errors, func(d *tfprotov6.Diagnostic) bool { return d.Summary != object_.RuleBroken }) {
			n.ruled++
		}
	default:
		t.Errorf("%s\n%v\noffline: %s\ncluster: %v", s.source, o.Object, texts(errors), refusal)
	}
	if refusal != nil {
		return
	}
	if len(warned) > 0 {
		n.warned++
	}
	var own []string
	for _, f := range s.kind.Admission.Check(o).Warnings {
		if f.Judge == admission.Istiod {
			own = append(own, f.Message)
		}
	}
	slices.Sort(own)
	slices.Sort(warned)
	if warned = slices.Compact(warned); !slices.Equal(slices.Compact(own), warned) { // client-go removes duplicate warnings
		t.Errorf("%s\n%v\noffline warns: %q\ncluster warns: %q", s.source, o.Object, own, warned)
	}
	for _, text := range warned {
		if !slices.ContainsFunc(warnings, func(d *tfprotov6.Diagnostic) bool {
			return d.Summary == text || d.Summary == "Attribute Deprecated" && strings.Contains(text, "deprecated")
		}) {
			t.Errorf("%s: the user is not told %q, but %s", s.source, text, texts(warnings))
		}
	}
}

// The provider rejects without a cluster exactly those objects of Istio's own tests that the API server with istiod's webhook rejects.
func TestAccAdmission_corpus(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	samples, others := corpus(t)
	var n tally
	for _, s := range samples {
		c.compare(t, s, &n)
	}
	t.Logf("%d objects: %d accepted (%d with warnings) and %d refused (%d by rules) by both", len(samples), n.accepted, n.warned, n.refused, n.ruled)
	if n.accepted < 250 || n.refused < 90 {
		t.Error("that is too few of either to mean much")
	}
	refused := 0
	kinds := istioKinds()
	for _, o := range others {
		_, refusal := c.judge(t, sample{source: o.source, kind: kinds[o.GetKind()]}, o.Unstructured)
		if refusal == nil {
			t.Errorf("%s is no object for Terraform (%s), but the cluster takes it: %v", o.source, o.why, o.Object)
		} else {
			refused++
		}
	}
	t.Logf("%d objects of which Terraform has no form, %d refused by the cluster", len(others), refused)
}

// The same holds for random objects, and for random changes of the objects in Istio's tests.
func TestAccAdmission_random(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	samples, _ := corpus(t)
	kinds, served := istioKinds(), make(map[string]*spec.Message)
	for name, k := range kinds {
		served[name] = known(t, name, k.Spec, crd(t, k))
	}
	var mutated []sample
	for range 600 {
		s := samples[r.IntN(len(samples))].mutate(r)
		if r.IntN(4) == 0 {
			s = s.mutate(r)
		}
		if o, err := s.object(c.namespace); err == nil { // the cluster's Istio may not know a random field
			if _, unknown, _ := served[s.kind.Kind].Observe(o.Object["spec"].(map[string]any), nil); len(unknown) > 0 {
				continue
			}
		}
		mutated = append(mutated, s)
	}
	var made []sample
	for name, k := range kinds {
		for range 20 {
			made = append(made, sample{source: "made up", kind: k, name: "test", spec: maker{r, r.IntN(2) == 0}.message(served[name])})
		}
	}
	accepted, refused := 0, 0
	for name, samples := range map[string][]sample{"mutated": mutated, "made up": made} {
		var n tally
		var wg sync.WaitGroup
		for part := range slices.Chunk(samples, len(samples)/4) {
			wg.Go(func() {
				for _, s := range part {
					c.compare(t, s, &n)
				}
			})
		}
		wg.Wait()
		t.Logf("%s: %d accepted (%d with warnings) and %d refused (%d by rules) by both", name, n.accepted, n.warned, n.refused, n.ruled)
		accepted, refused = accepted+n.accepted, refused+n.refused
	}
	if min(accepted, refused) < 50 {
		t.Error("that is too few of either to mean much")
	}
}
