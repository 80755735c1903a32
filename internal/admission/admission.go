// Package admission says what the API server and istiod's webhook would refuse of an object, or warn of, without asking either: it is
// their own code, with the schemas of Istio's CRDs.
package admission

import (
	"slices"

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
	advice func(*unstructured.Unstructured) []Finding
}

// Check judges an object. It is safe for concurrent use.
func (j *Judges) Check(o *unstructured.Unstructured) Verdict {
	refused := j.crd.check(o)
	errors, warnings := j.istiod.check(o)
	if j.advice != nil {
		warnings = append(warnings, j.advice(o)...)
	}
	return Verdict{Errors: slices.Concat(refused, errors), Warnings: warnings}
}
