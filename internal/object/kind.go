// Package object is the engine: one Kubernetes object as one Terraform resource, whatever its kind. A [Kind] says what differs
// between kinds; the rest (schema frame, plan, create, read, update, delete, import) is here once.
package object

import (
	"context"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apischema "k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/magneticio/terraform-provider-lamia/internal/admission"
	"github.com/magneticio/terraform-provider-lamia/internal/kube"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// Kind is a kind of Kubernetes objects as a type of Terraform resources.
type Kind struct {
	Type        string // of the resource, without the provider: "virtual_service"
	Description string // Markdown, of the resource

	Resource apischema.GroupVersionResource
	Kind     string
	Spec     *spec.Message

	// ValidName says what is wrong with an object's name, as Kubernetes' validation functions do; nil, when nothing is.
	ValidName func(name string) []string
	// Defaults are the values of attributes of the spec that follow from the object's name where the configuration is silent.
	Defaults map[string]func(namespace, name string) tftypes.Value
	// Computed are attributes that are read from what is stored, by name, beside id and uid.
	Computed map[string]Computed
	// Companions are the objects that come with the object; nil, if it always comes alone.
	Companions *Companions
	// Admission judges objects as the cluster will; nil, if only the cluster can.
	Admission *admission.Judges
	// Waiting says what the object still waits for before users can rely on it, "" when nothing. Nil: it is ready once stored.
	Waiting func(live *unstructured.Unstructured) string
	// Related says what of the stored object has no effect, or another than it seems, because of what else the cluster holds or lacks, as it was
	// read at since or later. Nil: it means the same everywhere.
	Related func(ctx context.Context, cluster *kube.Cluster, since time.Time, stored *unstructured.Unstructured) []Finding
	// Relied says what in the cluster relies on what an update takes away. Nil: nothing does.
	Relied func(ctx context.Context, cluster *kube.Cluster, since time.Time, before, after *unstructured.Unstructured) []Finding
}

// Stored is an object as the cluster has it, with its companions by kind.
type Stored struct {
	*unstructured.Unstructured
	Companions map[string]*unstructured.Unstructured
}

// Computed is an attribute that follows from the object.
type Computed struct {
	Attribute schema.Attribute
	// Read is the value in what is stored.
	Read func(Stored) tftypes.Value
	// Plan is the value when the object's name alone determines it; nil, when it is known after apply.
	Plan func(namespace, name string) tftypes.Value
	// DependsOn are the other attributes whose change may change this one, nested ones spelled as "workload.service".
	DependsOn []string
}

// immutable are the fields of the spec whose change replaces the object.
func (k *Kind) immutable() (fields []spec.Field) {
	for _, f := range k.Spec.Fields {
		if f.Immutable {
			fields = append(fields, f)
		}
	}
	return fields
}

// ref names the object that the values of a resource are about.
func (k *Kind) ref(v values) kube.Object {
	return kube.Object{Resource: k.Resource, Kind: k.Kind, Namespace: v.string(attrNamespace), Name: v.string(attrName)}
}

// at is the attribute that the API server calls field, such as "spec.http[0].timeout" or "metadata.labels".
func (k *Kind) at(field string) (path.Path, bool) {
	for prefix, name := range map[string]string{
		"metadata.name": attrName, "metadata.namespace": attrNamespace,
		"metadata.labels": attrLabels, "metadata.annotations": attrAnnotations,
	} {
		if hasField(field, prefix) {
			return path.Root(name), true
		}
	}
	if hasField(field, "spec") && len(field) > len("spec.") {
		return k.Spec.Path(field[len("spec."):])
	}
	return path.Empty(), false
}

// hasField reports whether field is prefix or lies below it.
func hasField(field, prefix string) bool {
	rest, ok := strings.CutPrefix(field, prefix)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}
