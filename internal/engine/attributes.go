package engine

import (
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/magneticio/terraform-provider-lamia/internal/describe"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// The attributes that every resource has in addition to those of its spec.
const (
	attrID          = "id"
	attrUID         = "uid"
	attrName        = "name"
	attrNamespace   = "namespace"
	attrLabels      = "labels"
	attrAnnotations = "annotations"
	attrTimeouts    = "timeouts"
	attrWait        = "wait" // for kinds that need time to become ready
)

// Labels and annotations have their own keys in the values of a resource, because the spec of a kind may have fields with those names.
const (
	keyLabels      = "metadata." + attrLabels
	keyAnnotations = "metadata." + attrAnnotations
)

// FrameAttributes returns the names of the attributes that every resource has, whatever its kind.
func FrameAttributes() []string {
	return []string{attrID, attrUID, attrName, attrNamespace, attrLabels, attrAnnotations, attrTimeouts, attrWait, attrEffectiveLabels, attrEffectiveAnnotations}
}

// Attributes returns the attributes of the kind's resource.
func (k *Kind) Attributes() *spec.Message {
	k.once.Do(func() {
		m := &spec.Message{OneOfs: append(k.OneOfs, k.Spec.OneOfs...), Fields: []spec.Field{
			field(attrID, spec.Field{Computed: true}, "`<namespace>/<name>`, known at plan. Istio refers to objects in other namespaces this way, for example "+
				"in the `gateways` of a virtual service."),
			field(attrUID, spec.Field{Computed: true}, "The object's UID. If another object with the same name has replaced it since the last refresh, that one "+
				"is not deleted."),
			field(attrName, spec.Field{Required: true, Scalar: named(k.ValidName)}, "The name of the "+k.Kind+", unique in its namespace. Changing it replaces the object."),
			field(attrNamespace, spec.Field{Computed: true, Configurable: true, Scalar: named(validation.IsDNS1123Label)}, "The namespace of the "+k.Kind+
				". By default the provider's `namespace`, else `default`. Changing it replaces the object."),
			field(attrLabels, spec.Field{Collection: spec.Map, CheckKey: problems(validation.IsQualifiedName), Scalar: named(validation.IsValidLabelValue)},
				"Labels of the object. The provider overwrites labels with these keys and leaves labels with other keys alone."),
			field(attrAnnotations, spec.Field{Collection: spec.Map, CheckKey: func(key string) string {
				return problems(validation.IsQualifiedName)(strings.ToLower(key)) // ValidateAnnotations ignores the case, too
			}}, "Annotations of the object. The provider overwrites annotations with these keys and leaves annotations with other keys alone."),
			field(attrEffectiveLabels, spec.Field{Computed: true, Collection: spec.Map}, "`labels` merged with the provider's `default_labels`; null if the "+
				"provider has none."),
			field(attrEffectiveAnnotations, spec.Field{Computed: true, Collection: spec.Map}, "`annotations` merged with the provider's `default_annotations`; "+
				"null if the provider has none."),
			field(attrTimeouts, spec.Field{Message: timeouts}, "Timeouts of operations, as durations such as `30s` or `5m`. Each is "+defaultTimeout.String()+" by default."),
		}}
		if k.Waiting != nil || k.Companions != nil {
			m.Fields = append(m.Fields, field(attrWait, spec.Field{Scalar: spec.Bool}, "Whether an apply waits until the "+k.Kind+" is ready. `true` by "+
				"default. With `false` the apply ends once everything is stored, and a later refresh reads the rest, such as an address."))
		}
		for _, c := range k.Computed {
			c.Computed = true
			m.Fields = append(m.Fields, field(c.Name, c.Field, c.Description))
		}
		for _, f := range k.Spec.Fields {
			if k.Defaults[f.Name] != nil {
				f.Computed, f.Configurable = true, true
			}
			m.Fields = append(m.Fields, f)
		}
		if k.Companions != nil {
			m.Fields = append(m.Fields, field(attrCompanions, spec.Field{Computed: true, Collection: spec.Map}, companionsDescription),
				field(attrCompanionChanges, spec.Field{Computed: true, Collection: spec.Map}, companionChangesDescription), k.Companions.Tuning)
		}
		k.root = m
	})
	return k.root
}

// field returns a field of the resource that is not part of the object's spec.
func field(name string, f spec.Field, description string) spec.Field {
	f.Name, f.JSON, f.Field = name, name, describe.Field{Description: description}
	if name == attrLabels || name == attrAnnotations {
		f.JSON = "metadata." + name
	}
	return f
}

var timeouts = &spec.Message{Fields: []spec.Field{
	field("create", spec.Field{Scalar: spec.Duration}, "Timeout for creating, until everything is ready."),
	field("read", spec.Field{Scalar: spec.Duration}, "Timeout for reading."),
	field("update", spec.Field{Scalar: spec.Duration}, "Timeout for updating, until everything is ready."),
	field("delete", spec.Field{Scalar: spec.Duration}, "Timeout for deleting, until everything is gone."),
}}

// named returns a string that must be a valid name according to one of Kubernetes' functions.
func named(wrong func(name string) []string) spec.Scalar {
	s := spec.String
	s.Check = func(name string) *spec.Problem {
		if problem := problems(wrong)(name); problem != "" {
			return &spec.Problem{Summary: "Invalid Kubernetes Name", Detail: "Kubernetes does not allow " + strconv.Quote(name) + " here: " + problem + "."}
		}
		return nil
	}
	return s
}

func problems(wrong func(name string) []string) func(name string) string {
	return func(name string) string { return strings.Join(wrong(name), "; ") }
}
