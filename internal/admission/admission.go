// Package admission says what the API server and istiod's webhook would refuse of an object, or warn of, without asking either: it is
// their own code, with the schemas of Istio's CRDs.
package admission

import (
	"slices"

	"google.golang.org/protobuf/proto"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

//go:generate go run ./generate

// Finding is one thing that is wrong with an object, or worth a warning.
type Finding struct {
	// Judge is whose rule it is.
	Judge Judge
	// Message says what is wrong, in the words of the judge.
	Message string
	// Fields are where, as Kubernetes spells it, such as "spec.http[0].timeout": one, several that do not go together, or none if that is not known.
	Fields []string
	// Advice says what to do, if the judge has a say on that.
	Advice string
}

// Equal reports whether two findings are the same.
func (f Finding) Equal(g Finding) bool { return f.key() == g.key() }

// Judge is who refuses or warns.
type Judge string

const (
	Schema   Judge = "the schema of Istio's CRD"
	Istiod   Judge = "istiod"
	Provider Judge = "this provider" // of what both accept
)

// Verdict is what there is to say of an object.
type Verdict struct {
	Errors, Warnings []Finding
}

// Judges are all who have a say on the objects of a kind.
type Judges struct {
	crd    *crd
	istiod istiod
	advice []Advice
}

// Advice is what the provider warns of by itself.
type Advice func(*unstructured.Unstructured) []Finding

// New makes the judges of a kind of Istio's, whose spec is a message like this one and which istiod's webhook validates by this function.
func New(kind config.GroupVersionKind, message proto.Message, validate validation.ValidateFunc, advice ...Advice) *Judges {
	return &Judges{crd: newCRD(kind.Kind), istiod: istiod{kind, message, validate}, advice: advice}
}

// Check judges an object. It is safe for concurrent use.
func (j *Judges) Check(o *unstructured.Unstructured) Verdict {
	refused := j.crd.check(o)
	errors, warnings := j.istiod.check(o)
	for _, advice := range j.advice {
		warnings = append(warnings, advice(o)...)
	}
	return Verdict{Errors: slices.Concat(refused, errors), Warnings: warnings}
}
