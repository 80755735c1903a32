package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"time"

	"github.com/magneticio/terraform-provider-lamia/internal/describe"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/apimachinery/pkg/version"
)

// crd is the part of a CustomResourceDefinition that this package reads.
type crd struct {
	Spec struct {
		Names struct {
			Kind string `json:"kind"`
		} `json:"names"`
		Versions []crdVersion `json:"versions"`
	} `json:"spec"`
}

type crdVersion struct {
	Name   string `json:"name"`
	Schema struct {
		OpenAPIV3Schema schema `json:"openAPIV3Schema"`
	} `json:"schema"`
}

// schema is an OpenAPI schema, with all the keywords that Istio's CRDs use.
type schema map[string]any

// readConstraints walks the schema of each kind together with the kind's descriptor of the same version, and returns the constraints of every
// field.
func readConstraints(file string) (map[protoreflect.FullName]describe.Field, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c := constraints{}
	left := len(kinds)
	for dec := yaml.NewYAMLOrJSONDecoder(f, 4096); ; {
		var crd crd
		if err := dec.Decode(&crd); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		md, ok := kinds[crd.Spec.Names.Kind]
		if !ok {
			continue
		}
		left--
		stable := slices.MaxFunc(crd.Spec.Versions, func(a, b crdVersion) int { return version.CompareKubeAwareVersionStrings(a.Name, b.Name) })
		spec, ok := stable.Schema.OpenAPIV3Schema.property("spec")
		if !ok {
			return nil, fmt.Errorf("%s: the CRD has no spec", crd.Spec.Names.Kind)
		}
		if err := c.message(spec, md); err != nil {
			return nil, err
		}
	}
	if left != 0 {
		return nil, fmt.Errorf("%s: %d of the kinds have no schema there", file, left)
	}
	return c, nil
}

// constraints are the constraints found so far. The walk fails if a field has different ones in different places.
type constraints map[protoreflect.FullName]describe.Field

func (c constraints) message(s schema, md protoreflect.MessageDescriptor) error {
	for fd := range each(md.Fields()) {
		p, ok := s.property(fd.JSONName())
		if !ok {
			return fmt.Errorf("%s: the CRD has no %s", fd.FullName(), fd.JSONName())
		}
		if err := c.field(p, fd); err != nil {
			return fmt.Errorf("%s: %w", fd.FullName(), err)
		}
	}
	return sameRequired(s, md)
}

func (c constraints) field(s schema, fd protoreflect.FieldDescriptor) (err error) {
	var f describe.Field
	element, value := s, fd
	switch {
	case fd.IsMap():
		element, _ = s.child("additionalProperties")
		value = fd.MapValue()
	case fd.IsList():
		element, _ = s.child("items")
	}
	if f.Constraints, err = read(s, fd); err != nil {
		return err
	}
	if fd.IsList() || fd.IsMap() {
		if f.Element, err = read(element, value); err != nil {
			return err
		}
	}
	if known, ok := c[fd.FullName()]; ok && !reflect.DeepEqual(known, f) {
		return fmt.Errorf("the CRDs constrain it in two ways: %+v and %+v", known, f)
	}
	c[fd.FullName()] = f
	if md := value.Message(); md != nil && !wellKnown(md) {
		return c.message(element, md)
	}
	return nil
}

// durationRule is the rule that protoc-gen-crd adds to durations.
const durationRule = "duration(self) >= duration('1ms')"

// portRule is the rule that Istio adds to port numbers.
const portRule = "0 < self && self <= 65535"

func read(s schema, fd protoreflect.FieldDescriptor) (describe.Constraints, error) {
	var c describe.Constraints
	for keyword, v := range s {
		var number *int64
		if n, ok := v.(float64); ok && n == float64(int64(n)) {
			number = new(int64(n))
		}
		switch keyword {
		case "minimum":
			c.Minimum = number
		case "maximum":
			c.Maximum = number
		case "maxLength":
			c.MaxLength = number
		case "minItems":
			c.MinItems = number
		case "maxItems":
			c.MaxItems = number
		case "maxProperties":
			c.MaxProperties = number
		case "enum":
			var names []any
			for vd := range each(fd.Enum().Values()) {
				names = append(names, string(vd.Name()))
			}
			if !reflect.DeepEqual(names, v) {
				return c, fmt.Errorf("the CRD offers %v of the enum's values %v", v, names)
			}
			continue
		case "type", "format", "nullable", // the descriptor says the same
			"description", "properties", "items", "additionalProperties", "required", "x-kubernetes-validations",
			"oneOf", "allOf", "anyOf", // the descriptor's oneofs say the same
			"pattern", "minLength", "minProperties", // package admission checks these with the CRD itself
			"x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string", "x-kubernetes-list-type", "x-kubernetes-list-map-keys":
			continue
		default:
			return c, fmt.Errorf("the CRD uses %q, which this generator does not know", keyword)
		}
		if number == nil {
			return c, fmt.Errorf("%s: %v is no whole number", keyword, v)
		}
	}
	rules, _ := s["x-kubernetes-validations"].([]any)
	for _, rule := range rules {
		switch rule.(map[string]any)["rule"] {
		case durationRule:
			c.MinDuration = time.Millisecond
		case portRule: // narrows minimum and maximum
			c.Minimum, c.Maximum = new(int64(1)), new(int64(65535))
		}
	}
	return c, nil
}

func (s schema) child(keyword string) (schema, bool) {
	child, ok := s[keyword].(map[string]any)
	return child, ok
}

func (s schema) property(name string) (schema, bool) {
	properties, _ := s.child("properties")
	return properties.child(name)
}

// sameRequired fails if the CRD and google.api.field_behavior disagree on which fields are required, because this provider uses only the
// descriptor.
func sameRequired(s schema, md protoreflect.MessageDescriptor) error {
	required, _ := s["required"].([]any)
	for fd := range each(md.Fields()) {
		behaviors, _ := proto.GetExtension(fd.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
		inDescriptor := slices.Contains(behaviors, annotations.FieldBehavior_REQUIRED)
		if inDescriptor != slices.Contains(required, any(fd.JSONName())) {
			return fmt.Errorf("%s: required is %t in its descriptor, and not so in the CRD", fd.FullName(), inDescriptor)
		}
	}
	return nil
}
