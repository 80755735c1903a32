// Package engine manages a Kubernetes object of any kind as a Terraform resource. A [Kind] describes what differs between kinds; the engine answers
// Terraform's requests (validate, upgrade, read, plan, apply, import) for all of them.
//
// The engine answers Terraform's protocol itself, on the tree of package spec: what Terraform sends is read once, compared with what the
// cluster has, and written once. terraform-plugin-framework, which walks schemas instead, serves everything else.
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
	Type        string // of the resource, without the provider: "virtual_service"
	Description string // Markdown, of the resource
	Reference   string // URL of the documentation of the kind itself

	// DataSource describes the data source that reads one object of the kind; "" if there is none.
	DataSource string

	Resource apischema.GroupVersionResource
	Kind     string
	Spec     *spec.Message

	// ValidName says what is wrong with an object's name, like Kubernetes' validation functions.
	ValidName func(name string) []string
	// Defaults are the values, by the object's name, of attributes of the spec that the configuration does not set.
	Defaults map[string]func(namespace, name string) any
	// Computed are attributes that are read from what is stored, beside id and uid.
	Computed []Computed
	// OneOfs are groups of attributes, of the spec or not, of which at most one may be set.
	OneOfs [][]string
	// Companions are the objects that belong to the object; nil if it never has any.
	Companions *Companions
	// Admission checks objects as the cluster does; nil if only the cluster can.
	Admission *admission.Judges
	// Waiting says what a stored object still waits for, "" if it is ready. Nil: it is ready once stored.
	Waiting func(live *unstructured.Unstructured) string
	// Replaces returns further attributes whose change from prior to planned, trees of the resource, replaces the object.
	Replaces func(prior, planned map[string]any) []string
	// Related finds the parts of the stored object that, because of other objects in the cluster, have no effect or another than it seems. Nil: other
	// objects do not matter.
	Related func(ctx context.Context, cluster *kube.Cluster, stored *unstructured.Unstructured) []Finding
	// Relied finds objects that need what an update, or a deletion (after is nil), removes. Nil: nothing does.
	Relied func(ctx context.Context, cluster *kube.Cluster, before, after *unstructured.Unstructured) []Finding
	// Uses are the hosts and subsets that the object offers to others or takes from them.
	Uses Uses
	// Keeps is what an update keeps as long as others need it. Nil: nothing.
	Keeps *Keeps

	settings atomic.Pointer[Settings]

	once sync.Once
	root *spec.Message
}

// Stored is an object as the cluster has it, with its companions by kind.
type Stored struct {
	*unstructured.Unstructured
	Companions map[string]*unstructured.Unstructured
	Settings
}

// Computed is an attribute that follows from the object.
type Computed struct {
	spec.Field
	// Read returns the value of a stored object.
	Read func(Stored) any
	// Plan returns the value if the object's name and the cluster's domain determine it. Nil: it is known after apply.
	Plan func(namespace, name, clusterDomain string) any
	// DependsOn are the attributes whose change may change this one, such as "workload.service".
	DependsOn []string
	// Null reports whether the value will be null once the planned tree is stored. Nil: never certainly.
	Null func(planned map[string]any) bool
}

// ref names the object that the values of a resource are about.
func (k *Kind) ref(v values) kube.Object {
	return kube.Object{Resource: k.Resource, Kind: k.Kind, Namespace: v.string(attrNamespace), Name: v.string(attrName)}
}

// metadata are the attributes with other names in Kubernetes' API.
var metadata = map[string]string{
	"metadata.name": attrName, "metadata.namespace": attrNamespace,
	"metadata.labels": attrLabels, "metadata.annotations": attrAnnotations,
}

// at returns the attribute of a field in Kubernetes' API, such as "spec.http[0].timeout" or "metadata.labels".
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

// Finding is a consequence for an object of other objects in the cluster, or of their absence.
type Finding struct {
	Field   string // that it is about, as the API server calls it, such as "spec.gateways[0]"
	Summary string
	Detail  string
}

const defaultTimeout = 5 * time.Minute
