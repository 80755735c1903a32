package analysis_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/magneticio/terraform-provider-lamia/internal/analysis"
	"github.com/magneticio/terraform-provider-lamia/internal/engine"
)

// The objects found by their keys are all that matter: the findings for random clusters do not change when every query returns all objects.
func TestKeys(t *testing.T) {
	t.Parallel()
	said := 0
	for seed := range uint64(60) {
		chance := &chance{Rand: rand.New(rand.NewPCG(seed, seed)), id: "x", namespaces: []string{"a", "b", "c", "d"}}
		chance.cluster()
		c := &objects{}
		for i, o := range chance.objects {
			u := &unstructured.Unstructured{Object: map[string]any{"kind": o.kind, "spec": o.spec}}
			u.SetNamespace(o.namespace)
			u.SetName(o.name)
			u.SetAnnotations(map[string]string{})
			for key, value := range o.annotations {
				u.SetAnnotations(map[string]string{key: value.(string)})
			}
			u.SetCreationTimestamp(metav1.Unix(int64(1_700_000_000+i), 0))
			if err := c.add(u); err != nil {
				t.Fatal(err)
			}
		}
		findings := func() (all []engine.Finding) {
			for _, vs := range c.virtualServices {
				all = slices.Concat(all, analysis.VirtualService(c, vs))
			}
			for _, dr := range c.destinationRules {
				all = slices.Concat(all, analysis.DestinationRule(c, dr), analysis.Losses(c, "DestinationRule", dr, nil))
			}
			for _, g := range c.gateways {
				all = slices.Concat(all, analysis.Losses(c, "Gateway", g, nil))
			}
			for _, e := range c.serviceEntries {
				all = slices.Concat(all, analysis.Losses(c, "ServiceEntry", e, nil))
			}
			for _, s := range c.services {
				all = slices.Concat(all, analysis.Losses(c, "Service", s, nil))
			}
			return all
		}
		c.whole = true
		want := findings()
		c.whole = false
		got := findings()
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: with keys\n%+v\nwithout\n%+v\nin %s", seed, got, want, chance.describe())
		}
		said += len(got)
	}
	if said == 0 {
		t.Error("nothing was said")
	}
}
