// Package admission predicts what the API server and istiod's webhook would reject in an object, or warn about. It runs their code, with the
// schemas of Istio's CRDs, without a request to either.
package admission

import (
	"slices"

	"google.golang.org/protobuf/proto"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

//go:generate go run ./generate

// Finding is an error in an object, or a warning about it.
type Finding struct {
	// Judge identifies whose rule is broken.
	Judge Judge
	// Message describes the problem in the words of the judge.
	Message string
	// Fields are the fields that cause the problem, such as "spec.http[0].timeout": one, several that conflict, or none if they are unknown.
	Fields []string
	// Advice says what to do, if the judge says it.
	Advice string
}

// Equal reports whether two findings are the same.
func (f Finding) Equal(g Finding) bool { return f.key() == g.key() }

// Judge identifies what rejects an object or warns about it.
type Judge string

const (
	Schema   Judge = "the schema of Istio's CRD"
	Istiod   Judge = "istiod"
	Provider Judge = "this provider" // about objects that the other two accept
)

// Verdict contains all problems of an object.
type Verdict struct {
	Errors, Warnings []Finding
}

// Judges check the objects of a kind.
type Judges struct {
	crd    *crd
	istiod istiod
	advice []Advice
}

// Advice is a check of the provider itself. It returns warnings.
type Advice func(*unstructured.Unstructured) []Finding

// New returns the judges of a kind of Istio. message has the type of its spec, and istiod's webhook validates objects with the function
// validate.
func New(kind config.GroupVersionKind, message proto.Message, validate validation.ValidateFunc, advice ...Advice) *Judges {
	return &Judges{crd: newCRD(kind.Kind), istiod: istiod{kind, message, validate}, advice: advice}
}

// Check checks an object. It is safe for concurrent use.
func (j *Judges) Check(o *unstructured.Unstructured) Verdict {
	refused := j.crd.check(o)
	errors, warnings := j.istiod.check(o)
	for _, advice := range j.advice {
		warnings = append(warnings, advice(o)...)
	}
	return Verdict{Errors: slices.Concat(refused, errors), Warnings: warnings}
}
