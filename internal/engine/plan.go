package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// replacing marks, in the private state, that the object existed when it was planned. Terraform plans a replaced object a second time, as if it
// did not exist.
const replacing = "replacing"

// bare marks, in the private state, that an imported object has none of the [Kind.Defaults]. It keeps that, for example a Gateway for all
// proxies.
const bare = "bare"

// plan returns the planned state, and the attributes whose change replaces the object. It fills in what is known in advance: the namespace, the
// id and other values that follow from the object's name or from an object that is not replaced. prior is nil if the object is to be created.
func (k *Kind) plan(ctx context.Context, run *Run, config, prior, proposed values, private private, diagnostics *diag.Diagnostics) (planned values, replaces []string) {
	planned = maps.Clone(k.Attributes().Keep(prior, proposed))
	if config[attrNamespace] == nil {
		planned[attrNamespace] = spec.Unknown
		if namespace := run.Namespace(); namespace != "" {
			planned[attrNamespace] = namespace
		}
	}
	k.set().labels().plan(planned)
	k.set().annotations().plan(planned)
	diagnostics.Append(k.forgotten(private, prior, config)...)
	named := planned[attrName] != spec.Unknown && planned[attrNamespace] != spec.Unknown
	namespace, name := planned.string(attrNamespace), planned.string(attrName)
	for attribute, value := range k.Defaults {
		switch {
		case config[attribute] != nil:
		case k.leaves(private, config, prior, attribute):
			planned.set(attribute, prior[attribute])
		case named:
			planned[attribute] = value(namespace, name)
		default:
			planned[attribute] = spec.Unknown
		}
	}
	if k.Companions != nil {
		companions, err := k.planned(prior, planned)
		if value := (*spec.Error)(nil); errors.As(err, &value) {
			diagnostics.AddAttributeError(value.Path, "Invalid Value", "The value "+value.Err.Error()+".")
			return planned, nil
		} else if err != nil {
			diagnostics.AddError("Invalid "+k.Companions.Tuning.Name, err.Error())
			return planned, nil
		}
		planned.set(attrCompanions, companions)
		delete(planned, attrCompanionChanges)
	}
	if prior != nil {
		replaces = k.replaces(prior, planned)
	}
	stays := prior != nil && len(replaces) == 0
	planned[attrUID] = spec.Unknown
	if stays {
		planned.set(attrUID, prior[attrUID])
	}
	planned[attrID] = spec.Unknown
	if named {
		planned[attrID] = id(namespace, name)
	}
	for _, c := range k.Computed {
		switch {
		case c.Null != nil && c.Null(planned):
			delete(planned, c.Name)
		case c.Plan != nil && named && k.set().ClusterDomain != "":
			planned.set(c.Name, c.Plan(namespace, name, k.set().ClusterDomain))
		case stays && unchanged(c.DependsOn, planned, prior):
			planned.set(c.Name, prior[c.Name])
		default:
			planned[c.Name] = spec.Unknown
		}
	}
	if prior == nil && private[replacing] != nil { // the first plan has done the dry run
		delete(private, replacing)
		return planned, nil
	}
	if prior != nil {
		private[replacing] = []byte("true")
	}
	if o := k.ref(planned); named && !run.claim(o) {
		diagnostics.AddAttributeError(path.Root(attrName), fmt.Sprintf("%s is configured twice", o),
			"Another resource has the same namespace and name, so both would manage one object. Remove or rename one of them. If both are in the state, run "+
				"terraform state rm for one first: removing it only from the configuration deletes the object. To destroy everything, run terraform destroy -refresh=false.")
		return planned, replaces
	}
	k.dryRun(ctx, run, prior, planned, len(replaces) > 0, diagnostics)
	return planned, replaces
}

// leaves reports whether an attribute that is not in the configuration stays as it is instead of getting its default. That is the case if the
// imported object did not have it, and the configuration has no companions.
func (k *Kind) leaves(private private, config, prior values, attribute string) bool {
	return private[bare] != nil && prior != nil && len(mapOf(prior[attribute])) == 0 && (k.Companions == nil || config[k.Companions.Tuning.JSON] == nil)
}

// replaces returns the attributes whose change from prior to planned replaces the object.
func (k *Kind) replaces(prior, planned values) (attributes []string) {
	for _, name := range []string{attrName, attrNamespace} {
		if planned[name] != prior[name] {
			attributes = append(attributes, name)
		}
	}
	for i := range k.Spec.Fields {
		if f := &k.Spec.Fields[i]; f.Immutable && !sameJSON(f, planned[f.JSON], prior[f.JSON]) {
			attributes = append(attributes, f.Name)
		}
	}
	if k.Replaces != nil {
		attributes = append(attributes, k.Replaces(prior, planned)...)
	}
	return attributes
}

func unchanged(attributes []string, planned, prior values) bool {
	for _, name := range attributes {
		if !equal(planned.at(name), prior.at(name)) {
			return false
		}
	}
	return true
}

// equal reports whether two trees are equal; [spec.Unknown] equals itself.
func equal(a, b any) bool { return reflect.DeepEqual(a, b) }

// sameJSON reports whether the API server treats both values alike, such as false and null of a [spec.Flag].
func sameJSON(f *spec.Field, a, b any) bool {
	m := spec.Message{Fields: []spec.Field{*f}}
	encoded := func(v any) (map[string]any, error) {
		tree := values{}
		tree.set(f.JSON, v)
		return m.Encode(tree)
	}
	one, err := encoded(a)
	if err != nil {
		return false
	}
	other, err := encoded(b)
	return err == nil && reflect.DeepEqual(one, other)
}
