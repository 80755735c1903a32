package spec

import (
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// void are the messages and fields whose empty object istiod ignores. Other empty objects have a meaning: an empty match applies to every
// request, empty retries turn retries off, and an empty policy overrides the one of its parent. Empty objects that istiod rejects are not
// listed.
var void = []protoreflect.FullName{
	"istio.networking.v1alpha3.Headers",
	"istio.networking.v1alpha3.Headers.HeaderOperations",
	"istio.networking.v1alpha3.HTTPFaultInjection.Abort",
	"istio.networking.v1alpha3.HTTPFaultInjection.Delay",
	"istio.networking.v1alpha3.HTTPMatchRequest.uri",
	"istio.networking.v1alpha3.HTTPMatchRequest.scheme",
	"istio.networking.v1alpha3.HTTPMatchRequest.method",
	"istio.networking.v1alpha3.HTTPMatchRequest.authority",
}

func isVoid(fd protoreflect.FieldDescriptor) bool {
	return slices.Contains(void, fd.FullName()) || fd.Message() != nil && slices.Contains(void, fd.Message().FullName())
}

// Void returns the empty objects in a tree that have no effect.
func (m *Message) Void(tree map[string]any) []path.Path {
	var v voids
	v.message(m, tree)
	return v.found
}

type voids struct {
	at    steps
	found []path.Path
}

func (v *voids) message(m *Message, tree map[string]any) {
	m.index()
	for _, f := range m.sorted {
		if f.Message == nil {
			continue
		}
		v.at.push(member(f, f.JSON))
		switch value := tree[f.JSON].(type) {
		case []any:
			for i, element := range value {
				if object, ok := element.(map[string]any); ok {
					v.at.push(index(i))
					v.message(f.Message, object)
					v.at.pop()
				}
			}
		case map[string]any:
			switch {
			case f.Void && len(value) == 0:
				v.found = append(v.found, v.at.path())
			case f.Collection == Map:
				for _, key := range slices.Sorted(maps.Keys(value)) {
					if object, ok := value[key].(map[string]any); ok {
						v.at.push(mapKey(key))
						v.message(f.Message, object)
						v.at.pop()
					}
				}
			default:
				v.message(f.Message, value)
			}
		}
		v.at.pop()
	}
}
