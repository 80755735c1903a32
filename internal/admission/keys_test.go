package admission_test

import (
	"fmt"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/magneticio/terraform-provider-lamia/internal/admission"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	for jwks, secret := range map[string]bool{
		`{"keys":[{"kty":"RSA","e":"AQAB","n":"xAE7"}]}`:                                                false,
		`{"keys":[{"kty":"RSA","e":"AQAB","n":"xAE7"},{"kty":"RSA","e":"AQAB","n":"xAE7","d":"xAE7"}]}`: true,
		`{"keys":[{"kty":"oct","k":"xAE7"}]}`:                                                           true,
		`{"keys":`:                                                                                      false,
		"":                                                                                              false,
	} {
		rules := []any{map[string]any{"issuer": "a"}, map[string]any{"issuer": "b", "jwks": jwks}}
		found := admission.Keys(&unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"jwtRules": rules}}})
		if secret != (len(found) == 1) || secret && !slices.Equal(found[0].Fields, []string{"spec.jwtRules[1].jwks"}) {
			t.Errorf("%s: %s", jwks, fmt.Sprint(found))
		}
	}
}
