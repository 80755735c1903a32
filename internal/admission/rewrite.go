package admission

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Rewrites warns about a prefix that Envoy replaces literally although the user most likely means whole path segments. There is one warning for
// each route.
func Rewrites(o *unstructured.Unstructured) (found []Finding) {
	routes, _, _ := unstructured.NestedSlice(o.Object, "spec", "http")
next:
	for i, route := range routes {
		uri, _, _ := unstructured.NestedString(object(route), "rewrite", "uri")
		matches, _, _ := unstructured.NestedSlice(object(route), "match")
		for j, match := range matches {
			prefix, _, _ := unstructured.NestedString(object(match), "uri", "prefix")
			if prefix == "" || strings.HasSuffix(prefix, "/") || !strings.HasSuffix(uri, "/") {
				continue
			}
			found = append(found, Finding{
				Judge: Provider, Fields: []string{fmt.Sprintf("spec.http[%d].match[%d].uri.prefix", i, j)},
				Message: fmt.Sprintf("The path %s/x becomes %s/x, and %s0 becomes %s0", prefix, uri, prefix, uri),
				Advice: fmt.Sprintf("Istio replaces the prefix %q with %q literally, also in longer names that begin with it. If you do not want that, match "+
					"prefix = %q instead, and also exact = %[1]q to serve that path itself.", prefix, uri, prefix+"/"),
			})
			continue next
		}
	}
	return found
}

func object(v any) map[string]any {
	o, _ := v.(map[string]any)
	return o
}
