package admission

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Keys warns about keys in a RequestAuthentication that are not public: private keys have the member d, and symmetric keys have k (RFC 7518).
func Keys(o *unstructured.Unstructured) (found []Finding) {
	rules, _, _ := unstructured.NestedSlice(o.Object, "spec", "jwtRules")
	for i, rule := range rules {
		text, _, _ := unstructured.NestedString(object(rule), "jwks")
		var set struct{ Keys []map[string]any }
		if json.Unmarshal([]byte(text), &set) != nil {
			continue
		}
		for _, key := range set.Keys {
			if key["d"] == nil && key["k"] == nil {
				continue
			}
			found = append(found, Finding{
				Judge: Provider, Fields: []string{fmt.Sprintf("spec.jwtRules[%d].jwks", i)},
				Message: "A key in jwks is not a public key",
				Advice: "Anyone who reads it in the object, in Terraform's state or in a proxy's configuration can sign tokens as the issuer. Set only the " +
					"public key, or jwks_uri, and replace the key.",
			})
			break
		}
	}
	return found
}
