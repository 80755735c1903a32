package admission

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	schemacel "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

//go:embed schemas.json
var schemas []byte

// crd checks the objects of a kind against its CRD, like the API server.
type crd struct {
	kind string
	load func() *compiled
}

// compiled is a CRD's schema as the API server keeps it.
type compiled struct {
	schema     validation.SchemaValidator
	structural *schema.Structural
	rules      *schemacel.Validator
}

// newCRD returns the judge of a kind. It reads the schema and compiles its rules only for the first object, because that is slow.
func newCRD(kind string) *crd {
	return &crd{kind, sync.OnceValue(func() *compiled {
		c, err := compile(kind)
		if err != nil { // schemas.json is generated, and the tests fail if it is invalid
			panic(fmt.Sprintf("admission: the schema of %s: %v", kind, err))
		}
		return c
	})}
}

func compile(kind string) (*compiled, error) {
	var kinds map[string]json.RawMessage
	if err := json.Unmarshal(schemas, &kinds); err != nil {
		return nil, err
	}
	var v1 apiextensionsv1.JSONSchemaProps
	if err := json.Unmarshal(kinds[kind], &v1); err != nil {
		return nil, err
	}
	var internal apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(&v1, &internal, nil); err != nil {
		return nil, err
	}
	structural, err := schema.NewStructural(&internal)
	if err != nil {
		return nil, err
	}
	validator, _, err := validation.NewSchemaValidator(&internal)
	if err != nil {
		return nil, err
	}
	return &compiled{validator, structural, schemacel.NewValidator(structural, true, celconfig.PerCallLimit)}, nil
}

// check follows customResourceStrategy.Validate of k8s.io/apiextensions-apiserver, which is not exported.
func (c *crd) check(o *unstructured.Unstructured) (found []Finding) {
	s := c.load()
	errs := apivalidation.ValidateObjectMetaAccessor(o, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	errs = append(errs, validation.ValidateCustomResource(nil, o.Object, s.schema)...)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, s.structural, o.Object)...)
	if !blocking(errs) {
		ruled, _ := s.rules.Validate(context.Background(), nil, s.structural, o.Object, nil, celconfig.RuntimeCELCostBudget)
		errs = append(errs, ruled...)
	}
	for _, err := range errs {
		f := Finding{Judge: Schema, Message: cmp.Or(err.Detail, err.Type.String())} // without the value, which can be large
		if err.Field != "" && err.Field != "<nil>" {
			f.Fields = []string{err.Field}
		}
		found = append(found, f)
	}
	return found
}

// blocking reports whether to skip the CEL rules because the object does not have the structure that they expect.
func blocking(errs field.ErrorList) bool {
	for _, err := range errs {
		switch err.Type {
		case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid:
			return true
		}
	}
	return false
}
