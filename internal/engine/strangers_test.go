package engine

import (
	"errors"
	"reflect"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

func object(t *testing.T, text string) (o map[string]any) {
	t.Helper()
	if err := utiljson.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// The fields x are unknown. A merge patch replaces a whole list, and keeps unknown fields of its elements if it is clear which element is which.
func TestKeepStrangers(t *testing.T) {
	t.Parallel()
	known := `{"http":[{"a":1,"route":[{"w":1},{"w":2}]},{"a":2}],"tls":{"m":1}}`
	stored := `{"http":[{"a":1,"x":9,"route":[{"w":1,"x":8},{"w":2}]},{"a":2}],"tls":{"m":1,"x":7},"x":6}`
	for name, test := range map[string]struct{ patch, want, lost string }{
		"no list":                     {`{"tls":{"m":2}}`, `{"tls":{"m":2}}`, ""},
		"one element changed":         {`{"http":[{"a":5,"route":[{"w":1},{"w":2}]},{"a":2}]}`, `{"http":[{"a":5,"x":9,"route":[{"w":1,"x":8},{"w":2}]},{"a":2}]}`, ""},
		"another element changed":     {`{"http":[{"a":1,"route":[{"w":1},{"w":2}]},{"a":5}]}`, `{"http":[{"a":1,"x":9,"route":[{"w":1,"x":8},{"w":2}]},{"a":5}]}`, ""},
		"one inside changed":          {`{"http":[{"a":1,"route":[{"w":1},{"w":5}]},{"a":2}]}`, `{"http":[{"a":1,"x":9,"route":[{"w":1,"x":8},{"w":5}]},{"a":2}]}`, ""},
		"its own element inside":      {`{"http":[{"a":1,"route":[{"w":5},{"w":2}]},{"a":2}]}`, `{"http":[{"a":1,"x":9,"route":[{"w":5,"x":8},{"w":2}]},{"a":2}]}`, ""},
		"turned round":                {`{"http":[{"a":2},{"a":1,"route":[{"w":1},{"w":2}]}]}`, `{"http":[{"a":2},{"a":1,"x":9,"route":[{"w":1,"x":8},{"w":2}]}]}`, ""},
		"one more":                    {`{"http":[{"a":1,"route":[{"w":1},{"w":2}]},{"a":2},{"a":3}]}`, `{"http":[{"a":1,"x":9,"route":[{"w":1,"x":8},{"w":2}]},{"a":2},{"a":3}]}`, ""},
		"taken away":                  {`{"http":[{"a":2}]}`, `{"http":[{"a":2}]}`, ""},
		"the list gone":               {`{"http":null}`, `{"http":null}`, ""},
		"both changed":                {`{"http":[{"a":5},{"a":6}]}`, "", "spec.http[0].route[0].x"},
		"both inside changed":         {`{"http":[{"a":1,"route":[{"w":5},{"w":6}]},{"a":2}]}`, "", "spec.http[0].route[0].x"},
		"changed, and one taken away": {`{"http":[{"a":5}]}`, "", "spec.http[0].route[0].x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := keepStrangers(object(t, test.patch), object(t, known), object(t, stored), "spec")
			var stranger *strangerError
			switch {
			case errors.As(err, &stranger):
				if stranger.field != test.lost {
					t.Errorf("refused because of %s, want %q", stranger.field, test.lost)
				}
			case test.lost != "":
				t.Errorf("not refused: %v", got)
			case !reflect.DeepEqual(got, object(t, test.want)):
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// A whole update keeps fields that Istio does not have.
func TestUpdate_keepsStrangers(t *testing.T) {
	t.Parallel()
	k := &Kind{Spec: &spec.Message{Fields: []spec.Field{{Name: "http", JSON: "http", Collection: spec.List, Message: &spec.Message{Fields: []spec.Field{
		{Name: "per_try_timeout", JSON: "perTryTimeout", Scalar: spec.Duration}, {Name: "a", JSON: "a", Scalar: spec.Int32},
	}}}}}}
	live := &unstructured.Unstructured{Object: object(t, `{"spec":{"http":[{"perTryTimeout":"60s","x":1,"a":1},{"a":2}]}}`)}
	prior := values(object(t, `{"http":[{"perTryTimeout":"1m","a":1},{"a":2}]}`))
	for _, test := range []struct{ plan, want string }{
		{`{"http":[{"perTryTimeout":"1m","a":1},{"a":3}]}`, `[{"perTryTimeout":"60s","x":1,"a":1},{"a":3}]`},
		{`{"http":[{"perTryTimeout":"2m","a":1},{"a":2}]}`, `[{"perTryTimeout":"2m","x":1,"a":1},{"a":2}]`},
	} {
		patch, err := k.difference(prior, object(t, test.plan), false)
		if err != nil {
			t.Fatal(err)
		}
		if patch, err = k.preserve(patch, prior, live); err != nil {
			t.Fatal(err)
		}
		if got, want := mapOf(patch["spec"])["http"], object(t, `{"http":`+test.want+`}`)["http"]; !reflect.DeepEqual(got, want) {
			t.Errorf("writes %v, want %v", got, want)
		}
	}
	// A string in another Unicode normal form keeps its spelling, unless its value changes.
	k = &Kind{Spec: &spec.Message{Fields: []spec.Field{{Name: "l", JSON: "l", Collection: spec.List, Message: &spec.Message{Fields: []spec.Field{
		{Name: "s", JSON: "s", Scalar: spec.String}, {Name: "a", JSON: "a", Scalar: spec.Int32}, {Name: "m", JSON: "m", Collection: spec.Map, Scalar: spec.String},
	}}}, {Name: "m", JSON: "m", Collection: spec.Map, Scalar: spec.String}}}}
	live = &unstructured.Unstructured{Object: object(t, `{"spec":{"l":[{"s":"cafe\u0301","a":1,"m":{"e\u0301":"x","b":"y"}}],"m":{"e\u0301":"1"}}}`)}
	now, _, err := k.observe(live, values{})
	if err != nil {
		t.Fatal(err)
	}
	patch, err := k.difference(now, object(t, `{"l":[{"s":"caf\u00e9","a":2,"m":{"\u00e9":"z","b":"y"}}],"m":{"\u00e9":"2"}}`), false)
	if err != nil {
		t.Fatal(err)
	}
	if patch, err = k.preserve(patch, now, live); err != nil {
		t.Fatal(err)
	}
	if want := object(t, `{"l":[{"s":"cafe\u0301","a":2,"m":{"e\u0301":"z","b":"y"}}],"m":{"e\u0301":"2"}}`); !reflect.DeepEqual(patch["spec"], want) {
		t.Errorf("writes %q, want %q", patch["spec"], want)
	}
}

func TestUpdate_refusesToLoseStrangers(t *testing.T) {
	t.Parallel()
	k := &Kind{Spec: &spec.Message{Fields: []spec.Field{{Name: "http", JSON: "http", Collection: spec.List, Message: &spec.Message{Fields: []spec.Field{
		{Name: "per_try_timeout", JSON: "perTryTimeout", Scalar: spec.Duration}, {Name: "a", JSON: "a", Scalar: spec.Int32},
	}}}}}}
	live := &unstructured.Unstructured{Object: object(t, `{"spec":{"http":[{"perTryTimeout":"60s","x":1,"a":1},{"a":2}]}}`)}
	prior := values(object(t, `{"http":[{"perTryTimeout":"1m","a":1},{"a":2}]}`))
	plan := values(object(t, `{"http":[{"perTryTimeout":"2m","a":1},{"a":3}]}`))
	patch, err := k.difference(prior, plan, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.preserve(patch, prior, live); !errors.As(err, new(*strangerError)) {
		t.Errorf("not refused: %v", err)
	}
}
