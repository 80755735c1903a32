package spec

import (
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// void are the messages, and the fields, of which an object with nothing in it is the same to istiod as none. Others mean something: an empty match
// is for every request, empty retries are none, an empty policy takes the place of the one above. Those that istiod refuses are not here.
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

// Void are the objects in a tree in which nothing is set, although that means nothing.
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
