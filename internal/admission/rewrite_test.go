package admission_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestVirtualService_rewrites(t *testing.T) {
	t.Parallel()
	route := func(uri string, prefixes ...string) any {
		var matches []any
		for _, prefix := range prefixes {
			matches = append(matches, map[string]any{"uri": map[string]any{"prefix": prefix}})
		}
		return map[string]any{
			"match": matches, "rewrite": map[string]any{"uri": uri},
			"route": []any{map[string]any{"destination": map[string]any{"host": "a.example.com"}}},
		}
	}
	for name, c := range map[string]struct {
		route any
		want  string
		field string
	}{
		"the tutorial's":   {route("/", "/service1"), "The path /service1/x becomes //x, and /service10 becomes /0", "spec.http[0].match[0].uri.prefix"},
		"another":          {route("/v2/", "/v1"), "The path /v1/x becomes /v2//x, and /v10 becomes /v2/0", "spec.http[0].match[0].uri.prefix"},
		"the second match": {route("/", "/a/", "/b", "/c"), "The path /b/x becomes //x, and /b0 becomes /0", "spec.http[0].match[1].uri.prefix"},
		"both slashes":     {route("/", "/service1/"), "", ""},
		"no slashes":       {route("/service2", "/service1"), "", ""},
		"the root":         {route("/", "/"), "", ""},
		"no prefix":        {route("/"), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": map[string]any{"name": "test", "namespace": "test"},
				"spec": map[string]any{"hosts": []any{"a.example.com"}, "http": []any{c.route}},
			}}
			verdict := judges["VirtualService"].Check(o)
			if len(verdict.Errors) > 0 {
				t.Fatal(verdict.Errors)
			}
			var got, field string
			for _, f := range verdict.Warnings {
				got, field = got+f.Message, field+f.Fields[0]
			}
			if got != c.want || field != c.field {
				t.Errorf("warnings %q at %q, want %q at %q", got, field, c.want, c.field)
			}
		})
	}
}
