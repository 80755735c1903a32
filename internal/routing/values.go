package routing

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/magneticio/terraform-provider-lamia/internal/analysis"
	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
	"github.com/magneticio/terraform-provider-lamia/internal/kube"
	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// collections returns the kinds of objects that affect routes, by the names of their collections.
func collections() map[string]*engine.Kind {
	return map[string]*engine.Kind{
		"gateways": istio.Gateway(), "virtual_services": istio.VirtualService(), "destination_rules": istio.DestinationRule(),
		"service_entries": istio.ServiceEntry(), "services": istio.Service(),
	}
}

// ObjectsOf reads resources from a value with collections by kind. It returns [spec.ErrUnknown] if a value is unknown.
func ObjectsOf(value tftypes.Value) (o mesh.Objects, err error) {
	kinds := collections()
	members, err := membersOf(value)
	if err != nil {
		return o, err
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		kind, ok := kinds[name]
		if !ok {
			return o, fmt.Errorf("%q is not a collection of objects: use %s", name, strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
		}
		if err := each(members[name], func(resource tftypes.Value) error { return AddResource(&o, kind, resource) }); err != nil {
			return o, fmt.Errorf("%s: %w", name, err)
		}
	}
	return o, nil
}

func membersOf(value tftypes.Value) (members map[string]tftypes.Value, err error) {
	if !value.IsKnown() {
		return nil, spec.ErrUnknown
	}
	if value.IsNull() || value.As(&members) != nil {
		return nil, errors.New("is not an object")
	}
	return members, nil
}

// each calls do with each resource in a list, set or map, or with a single one.
func each(value tftypes.Value, do func(tftypes.Value) error) error {
	if !value.IsKnown() {
		return spec.ErrUnknown
	}
	if value.IsNull() {
		return nil
	}
	var elements []tftypes.Value
	if value.As(&elements) != nil {
		members, err := membersOf(value)
		if err != nil {
			return err
		}
		if _, one := members["name"]; one {
			return do(value)
		}
		for _, key := range slices.Sorted(maps.Keys(members)) {
			elements = append(elements, members[key])
		}
	}
	for _, element := range elements {
		if err := each(element, do); err != nil {
			return err
		}
	}
	return nil
}

// Kinds returns the kinds of objects that affect routes, by the type of their resource.
func Kinds() map[string]*engine.Kind {
	kinds := map[string]*engine.Kind{}
	for _, kind := range collections() {
		kinds[kind.Type] = kind
	}
	return kinds
}

// AddResource adds the object of a resource of the kind.
func AddResource(o *mesh.Objects, kind *engine.Kind, resource tftypes.Value) error {
	members, err := membersOf(resource)
	if err != nil {
		return err
	}
	tree, err := treeOf(kind.Spec, resource)
	if err != nil {
		return err
	}
	var meta metav1.ObjectMeta
	for name, to := range map[string]*string{"name": &meta.Name, "namespace": &meta.Namespace} {
		if *to, err = textOf(members[name]); err != nil {
			return err
		}
	}
	for name, to := range map[string]*map[string]string{"labels": &meta.Labels, "annotations": &meta.Annotations} {
		if *to, err = textsOf(members[name]); err != nil {
			return err
		}
	}
	return AddObject(o, kind, meta, tree)
}

// AddObject adds an object of the kind, with a tree as its spec.
func AddObject(o *mesh.Objects, kind *engine.Kind, meta metav1.ObjectMeta, tree map[string]any) error {
	content, err := kind.Spec.Encode(tree)
	if err != nil {
		return err
	}
	u := &unstructured.Unstructured{Object: map[string]any{"spec": content}}
	u.SetName(meta.Name)
	u.SetNamespace(cmp.Or(meta.Namespace, kube.DefaultNamespace))
	u.SetLabels(meta.Labels)
	u.SetAnnotations(meta.Annotations)
	switch kind.Kind {
	case "Gateway":
		return converted(&o.Gateways, u)
	case "VirtualService":
		return converted(&o.VirtualServices, u)
	case "DestinationRule":
		return converted(&o.DestinationRules, u)
	case "ServiceEntry":
		return converted(&o.ServiceEntries, u)
	}
	return converted(&o.Services, u)
}

// treeOf returns the tree of an object that has at least the attributes of m. It ignores other attributes.
func treeOf(m *spec.Message, value tftypes.Value) (map[string]any, error) {
	members, err := membersOf(value)
	if err != nil {
		return nil, err
	}
	tree := map[string]any{}
	for i := range m.Fields {
		f := &m.Fields[i]
		member, given := members[f.Name]
		if !given || member.IsKnown() && member.IsNull() {
			continue
		}
		if tree[f.JSON], err = fieldOf(f, member, f.Collection); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return tree, nil
}

func fieldOf(f *spec.Field, value tftypes.Value, collection spec.Collection) (any, error) {
	if !value.IsKnown() {
		return nil, spec.ErrUnknown
	}
	switch {
	case collection == spec.List:
		var elements []tftypes.Value
		if value.As(&elements) != nil {
			return nil, errors.New("is not a list")
		}
		list := make([]any, len(elements))
		for i, e := range elements {
			var err error
			if list[i], err = fieldOf(f, e, spec.One); err != nil {
				return nil, err
			}
		}
		return list, nil
	case collection == spec.Map:
		members, err := membersOf(value)
		if err != nil {
			return nil, err
		}
		object := make(map[string]any, len(members))
		for key, e := range members {
			if object[key], err = fieldOf(f, e, spec.One); err != nil {
				return nil, err
			}
		}
		return object, nil
	case f.Message != nil:
		return treeOf(f.Message, value)
	}
	switch f.Scalar.Type {
	case spec.BoolType:
		var b bool
		err := value.As(&b)
		return b, err
	case spec.StringType:
		return textOf(value)
	}
	var n big.Float
	if err := value.As(&n); err != nil {
		return nil, errors.New("is not a number")
	}
	if i, exact := n.Int64(); exact == big.Exact {
		return i, nil
	}
	number, _ := n.Float64()
	return number, nil
}

func converted[T any](to *[]*T, u *unstructured.Unstructured) error {
	o, err := analysis.Convert[T](u)
	*to = append(*to, o)
	return err
}

func textOf(value tftypes.Value) (text string, err error) {
	if !value.IsKnown() {
		return "", spec.ErrUnknown
	}
	if value.IsNull() || value.Type() == nil {
		return "", nil
	}
	if err := value.As(&text); err != nil {
		return "", errors.New("is not a string")
	}
	return text, nil
}

func textsOf(value tftypes.Value) (map[string]string, error) {
	if !value.IsKnown() {
		return nil, spec.ErrUnknown
	}
	if value.IsNull() || value.Type() == nil {
		return nil, nil
	}
	members, err := membersOf(value)
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	for name, member := range members {
		if texts[name], err = textOf(member); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return texts, nil
}

// requestOf reads a request, and sets defaults.
func requestOf(value tftypes.Value) (r Request, err error) {
	members, err := membersOf(value)
	if err != nil {
		return r, err
	}
	texts := map[string]*string{
		"gateway": &r.Gateway, "namespace": &r.Namespace, "protocol": &r.Protocol, "host": &r.Host, "method": &r.Method, "path": &r.Path, "sni": &r.SNI,
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		to, isText := texts[name]
		switch {
		case isText:
			*to, err = textOf(members[name])
		case name == "headers":
			r.Headers, err = textsOf(members[name])
		case name == "labels":
			r.Labels, err = textsOf(members[name])
		case name == "port":
			r.Port, err = numberOf(members[name])
		default:
			return r, fmt.Errorf("a request has no attribute %q: use gateway, headers, host, labels, method, namespace, path, port, protocol, sni", name)
		}
		if err != nil {
			return r, fmt.Errorf("%s: %w", name, err)
		}
	}
	return r.complete()
}

func numberOf(value tftypes.Value) (int, error) {
	if !value.IsKnown() {
		return 0, spec.ErrUnknown
	}
	if value.IsNull() {
		return 0, nil
	}
	var n big.Float
	if value.As(&n) != nil || !n.IsInt() {
		return 0, errors.New("is not a whole number")
	}
	i, _ := n.Int64()
	return int(i), nil
}

// complete sets defaults.
func (r Request) complete() (Request, error) {
	r.Protocol, r.Method, r.Path = cmp.Or(r.Protocol, "http"), cmp.Or(r.Method, "GET"), cmp.Or(r.Path, "/")
	usual, ok := map[string]int{"http": 80, "https": 443, "tls": 443, "tcp": 0}[r.Protocol]
	r.Port = cmp.Or(r.Port, usual)
	switch {
	case !ok:
		return r, fmt.Errorf("protocol: %q is invalid: use http, https, tls or tcp", r.Protocol)
	case r.Port == 0:
		return r, errors.New("port: set the port of a tcp connection")
	case r.Host == "" && (r.Protocol != "tcp" || r.Gateway == ""):
		return r, errors.New("host: set the requested host")
	case r.Gateway == "" && r.Namespace == "":
		return r, errors.New("gateway: set the <namespace>/<name> of the gateway that receives the request, or the namespace of the pod that sends it")
	case !strings.HasPrefix(r.Path, "/"):
		return r, fmt.Errorf("path: %q must begin with a slash", r.Path)
	case r.Gateway != "" && !strings.Contains(r.Gateway, "/"):
		return r, fmt.Errorf("gateway: %q must have the form <namespace>/<name>", r.Gateway)
	}
	return r, nil
}
