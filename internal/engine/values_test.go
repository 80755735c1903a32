package engine

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// Terraform rejects a result that differs from the plan, even if the cluster has changed since, such as the address of a load balancer.
func TestCompute_keepsWhatWasPlanned(t *testing.T) {
	t.Parallel()
	k := &Kind{Spec: &spec.Message{}, Computed: []Computed{{
		Field: spec.Field{Name: "address", JSON: "address"},
		Read:  func(Stored) any { return "10.0.0.2" },
	}}}
	live := &unstructured.Unstructured{}
	live.SetNamespace("a")
	live.SetName("b")
	live.SetUID("uid")
	for name, c := range map[string]struct {
		planned values
		want    any
	}{
		"known":   {values{attrID: "a/b", attrUID: "uid", "address": "10.0.0.1"}, "10.0.0.1"},
		"null":    {values{attrID: "a/b", attrUID: "uid"}, nil},
		"unknown": {values{attrID: "a/b", attrUID: spec.Unknown, "address": spec.Unknown}, "10.0.0.2"},
		"a read":  {nil, "10.0.0.2"},
	} {
		v := values{}
		k.compute(v, Stored{Unstructured: live}, c.planned)
		if v["address"] != c.want || v[attrUID] != "uid" || v[attrID] != "a/b" {
			t.Errorf("%s: got %v, want %v", name, v, c.want)
		}
	}
}
