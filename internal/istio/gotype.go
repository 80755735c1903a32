package istio

import (
	"fmt"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/magneticio/terraform-provider-lamia/internal/describe"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// messageOf returns the tree of a type of Kubernetes' Go API, such as corev1.Affinity. Names come from its json tags, and descriptions from its
// SwaggerDoc method. Fields without omitempty are required. The type must not contain itself.
func messageOf[T any]() *spec.Message { return fromGo(reflect.TypeFor[T]()) }

func fromGo(t reflect.Type) *spec.Message {
	m := &spec.Message{}
	docs := swaggerDoc(t)
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		f := fromGoType(t.Field(i).Type)
		f.Name, f.JSON = spec.Snake(name), name
		f.Field = describe.Field{Description: docs[name]}
		f.Required = !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero")
		m.Fields = append(m.Fields, f)
	}
	return m
}

func fromGoType(t reflect.Type) (f spec.Field) {
	switch t {
	case reflect.TypeFor[resource.Quantity]():
		f.Scalar = quantity
		return f
	case reflect.TypeFor[intstr.IntOrString]():
		f.Scalar = spec.IntOrString
		return f
	}
	switch t.Kind() {
	case reflect.Pointer:
		return fromGoType(t.Elem())
	case reflect.Slice:
		f = fromGoType(t.Elem())
		f.Collection = spec.List
	case reflect.Map:
		f = fromGoType(t.Elem())
		f.Collection = spec.Map
	case reflect.Struct:
		f.Message = fromGo(t)
	case reflect.String:
		f.Scalar = spec.String
	case reflect.Bool:
		f.Scalar = spec.Bool
	case reflect.Int32:
		f.Scalar = spec.Int32
	case reflect.Int64:
		f.Scalar = spec.Int64
	default: // as for a new kind of protobuf
		panic("istio: no Terraform type for " + t.String())
	}
	return f
}

func swaggerDoc(t reflect.Type) map[string]string {
	if documented, ok := reflect.Zero(t).Interface().(interface{ SwaggerDoc() map[string]string }); ok {
		return documented.SwaggerDoc()
	}
	return nil
}

// quantity is a Kubernetes quantity, such as "500m" or "1Gi".
var quantity = func() spec.Scalar {
	s := spec.String
	s.Check = func(q string) *spec.Problem {
		if _, err := resource.ParseQuantity(q); err != nil {
			return &spec.Problem{Summary: "Invalid Quantity", Detail: fmt.Sprintf(
				"%q is not a quantity. Use a number with an optional suffix, such as 500m or 2 for CPU, 128Mi or 1Gi for memory.", q)}
		}
		return nil
	}
	return s
}()
