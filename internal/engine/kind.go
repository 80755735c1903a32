// Package engine manages a Kubernetes object of any kind as a Terraform resource. A [Kind] describes what is specific to a kind, and the engine
// answers Terraform's requests (validate, upgrade, read, plan, apply, import) for all kinds.
//
// The engine implements Terraform's protocol itself, on the trees of package spec: it decodes a value once, compares it with the cluster, and
// encodes it once. terraform-plugin-framework, which walks schemas instead, serves everything else.
package engine

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apischema "k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/magneticio/terraform-provider-lamia/internal/admission"
	"github.com/magneticio/terraform-provider-lamia/internal/kube"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// Kind is a kind of Kubernetes objects as a type of Terraform resources.
type Kind struct {
	Type        string // of the resource, without the provider's prefix: "virtual_service"
	Description string // of the resource, in Markdown
	Reference   string // URL of the kind's own documentation

	// DataSource describes the data source that reads one object of the kind. It is "" for kinds without a data source.
	DataSource string

	Resource apischema.GroupVersionResource
	Kind     string
	Spec     *spec.Message

	// ValidName returns what is wrong with an object's name, like Kubernetes' validation functions.
	ValidName func(name string) []string
	// Defaults are functions of the object's name that return values for attributes of the spec that the configuration does not set.
	Defaults map[string]func(namespace, name string) any
	// Computed are attributes that are read from the stored object, in addition to id and uid.
	Computed []Computed
	// OneOfs are groups of attributes, in the spec or not, of which at most one can be set.
	OneOfs [][]string
	// Companions are the objects that belong to the object. Nil means that it never has any.
	Companions *Companions
	// Admission checks objects as the cluster does. Nil means that only the cluster can.
	Admission *admission.Judges
	// Waiting returns what a stored object still waits for, or "" if it is ready. Nil means that objects are ready once stored.
	Waiting func(live *unstructured.Unstructured) string
	// Replaces returns more attributes whose change from prior to planned, which are trees of the resource, replaces the object.
	Replaces func(prior, planned map[string]any) []string
	// Related finds the parts of the stored object that, because of other objects in the cluster, have no effect or another effect than it
	// seems. Nil means that other objects do not matter.
	Related func(ctx context.Context, cluster *kube.Cluster, stored *unstructured.Unstructured) []Finding
	// Relied finds objects that need what an update, or a deletion (after is nil), removes. Nil means that there are none.
	Relied func(ctx context.Context, cluster *kube.Cluster, before, after *unstructured.Unstructured) []Finding
	// Uses are the hosts and subsets that the object offers to others or takes from them.
	Uses Uses
	// Keeps is what an update keeps as long as others need it. Nil means nothing.
	Keeps *Keeps

	settings atomic.Pointer[Settings]

	once sync.Once
	root *spec.Message
}

// Stored is an object in the cluster, with its companions by kind.
type Stored struct {
	*unstructured.Unstructured
	Companions map[string]*unstructured.Unstructured
	Settings
}

// Computed is an attribute that is derived from the object.
type Computed struct {
	spec.Field
	// Read returns the value for a stored object.
	Read func(Stored) any
	// Plan returns the value if it follows from the object's name and the cluster's domain. Nil means that it is known after apply.
	Plan func(namespace, name, clusterDomain string) any
	// DependsOn are attributes whose change can change this one, such as "workload.service".
	DependsOn []string
	// Null reports whether the value will be null once the planned tree is stored. Nil means that this is never certain.
	Null func(planned map[string]any) bool
}

// ref returns the object that the values of a resource describe.
func (k *Kind) ref(v values) kube.Object {
	return kube.Object{Resource: k.Resource, Kind: k.Kind, Namespace: v.string(attrNamespace), Name: v.string(attrName)}
}

// metadata are the attributes with other names in Kubernetes' API.
var metadata = map[string]string{
	"metadata.name": attrName, "metadata.namespace": attrNamespace,
	"metadata.labels": attrLabels, "metadata.annotations": attrAnnotations,
}

// at returns the attribute for a field in Kubernetes' API, such as "spec.http[0].timeout" or "metadata.labels".
func (k *Kind) at(field string) (path.Path, bool) {
	for _, prefix := range slices.Sorted(maps.Keys(metadata)) {
		if rest, ok := strings.CutPrefix(field, prefix); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return path.Root(metadata[prefix]), true
		}
	}
	if rest, ok := strings.CutPrefix(field, "spec."); ok {
		return k.Spec.Path(rest)
	}
	return path.Empty(), false
}

// Finding is an effect of other objects in the cluster, or of their absence, on an object.
type Finding struct {
	Field   string // the field in Kubernetes' API, such as "spec.gateways[0]"
	Summary string
	Detail  string
}

const defaultTimeout = 5 * time.Minute
