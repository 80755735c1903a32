package spec

import (
	"regexp"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/magneticio/terraform-provider-lamia/internal/describe"
)

// FromDescriptor returns the tree of a protobuf message whose Kubernetes JSON is protobuf's canonical JSON. The message must not contain itself.
func FromDescriptor(md protoreflect.MessageDescriptor) *Message {
	m := &Message{}
	for i := range md.Fields().Len() {
		m.Fields = append(m.Fields, fromField(md.Fields().Get(i)))
	}
	for i := range md.Oneofs().Len() {
		oneof := md.Oneofs().Get(i)
		if oneof.IsSynthetic() {
			continue
		}
		var names []string
		for j := range oneof.Fields().Len() {
			names = append(names, Snake(string(oneof.Fields().Get(j).Name())))
		}
		m.OneOfs = append(m.OneOfs, names)
	}
	return m
}

func fromField(fd protoreflect.FieldDescriptor) Field {
	f := Field{
		Name:     Snake(string(fd.Name())),
		JSON:     fd.JSONName(),
		Field:    describe.Of(fd.FullName()),
		Required: isRequired(fd),
		Void:     isVoid(fd),
	}
	value := fd
	switch {
	case fd.IsMap():
		f.Collection = Map
		if fd.MapKey().Kind() != protoreflect.StringKind {
			f.CheckKey = checkNumber
		}
		value = fd.MapValue()
	case fd.IsList():
		f.Collection = List
	}
	if md := value.Message(); md != nil {
		if s, ok := wellKnown[md.FullName()]; ok {
			f.Scalar = s
		} else {
			f.Message = FromDescriptor(md)
		}
		return f
	}
	f.Scalar = fromKind(value)
	return f
}

func isRequired(fd protoreflect.FieldDescriptor) bool {
	behaviors, _ := proto.GetExtension(fd.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	for _, b := range behaviors {
		if b == annotations.FieldBehavior_REQUIRED {
			return true
		}
	}
	return false
}

// wellKnown are the messages that are scalars in protobuf's JSON.
var wellKnown = map[protoreflect.FullName]Scalar{
	"google.protobuf.Duration":    Duration,
	"google.protobuf.BoolValue":   Bool,
	"google.protobuf.StringValue": String,
	"google.protobuf.DoubleValue": Float,
	"google.protobuf.Int32Value":  Int32,
	"google.protobuf.UInt32Value": Uint32,
	"google.protobuf.Struct":      Struct,
}

func checkNumber(key string) string {
	if _, err := strconv.ParseUint(key, 10, 32); err != nil {
		return "it must be a whole number"
	}
	return ""
}

var wordEnd = regexp.MustCompile(`([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])`)

// Snake converts a camelCase name to snake case: targetCPUPercentage becomes target_cpu_percentage.
func Snake(name string) string {
	return strings.ToLower(wordEnd.ReplaceAllString(name, "${1}${3}_${2}${4}"))
}

func fromKind(fd protoreflect.FieldDescriptor) Scalar {
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return Bool
	case protoreflect.StringKind:
		return String
	case protoreflect.BytesKind:
		return Bytes
	case protoreflect.Int32Kind:
		return Int32
	case protoreflect.Uint32Kind:
		return Uint32
	case protoreflect.Int64Kind:
		return Int64
	case protoreflect.Uint64Kind:
		return Uint64
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return Float
	case protoreflect.EnumKind:
		values := fd.Enum().Values()
		names := make([]string, values.Len())
		for i := range names {
			names[i] = string(values.Get(i).Name())
		}
		return Enum(names...)
	}
	// A new release of Istio uses another protobuf kind, which must be added above.
	panic("spec: no Terraform type for " + string(fd.FullName()) + " of kind " + fd.Kind().String())
}
