package object

import (
	"context"
	"maps"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"k8s.io/apimachinery/pkg/util/validation"
)

// The attributes that every resource has beside those of its spec.
const (
	attrID          = "id"
	attrUID         = "uid"
	attrName        = "name"
	attrNamespace   = "namespace"
	attrLabels      = "labels"
	attrAnnotations = "annotations"
	attrTimeouts    = "timeouts"
)

// FrameAttributes are the names of the attributes that every resource has, whatever its kind.
func FrameAttributes() []string {
	return []string{attrID, attrUID, attrName, attrNamespace, attrLabels, attrAnnotations, attrTimeouts}
}

// attributes are the attributes of the kind's resource.
func (k *Kind) attributes(ctx context.Context) map[string]schema.Attribute {
	all := map[string]schema.Attribute{
		attrID: schema.StringAttribute{
			Computed: true,
			MarkdownDescription: "`<namespace>/<name>`, known at plan. It is also how Istio refers to an object of another namespace, " +
				"as in the `gateways` of a virtual service.",
		},
		attrUID: schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "The UID that the API server gave the object. An object of the same name that has taken its place since the last refresh is not deleted.",
		},
		attrName: schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "The name of the " + k.Kind + ", unique in its namespace. Changing it replaces the object.",
			Validators:          []validator.String{named{k.ValidName}},
		},
		attrNamespace: schema.StringAttribute{
			Optional: true,
			Computed: true,
			MarkdownDescription: "The namespace of the " + k.Kind + ". By default the provider's `namespace`, else `default`. " +
				"Changing it replaces the object.",
			Validators: []validator.String{named{validation.IsDNS1123Label}},
		},
		attrLabels: schema.MapAttribute{
			ElementType: types.StringType,
			Optional:    true,
			MarkdownDescription: "Labels of the object. Labels under other keys, which other programs or people may set, " +
				"are left alone; one under a key that is given here is overwritten.",
			Validators: []validator.Map{
				mapvalidator.NoNullValues(),
				mapvalidator.KeysAre(named{validation.IsQualifiedName}),
				mapvalidator.ValueStringsAre(named{validation.IsValidLabelValue}),
			},
		},
		attrAnnotations: schema.MapAttribute{
			ElementType: types.StringType,
			Optional:    true,
			MarkdownDescription: "Annotations of the object. Annotations under other keys, which other programs or people may set, " +
				"are left alone; one under a key that is given here is overwritten.",
			Validators: []validator.Map{
				mapvalidator.NoNullValues(),
				// As ValidateAnnotations does it: the case of a key does not matter.
				mapvalidator.KeysAre(named{func(key string) []string { return validation.IsQualifiedName(strings.ToLower(key)) }}),
			},
		},
		attrTimeouts: timeoutsAttribute(ctx),
	}
	for name, c := range k.Computed {
		all[name] = c.Attribute
	}
	maps.Copy(all, k.Spec.Attributes())
	for name := range k.Defaults {
		a := all[name].(schema.MapAttribute)
		a.Computed = true
		all[name] = a
	}
	if k.Companions != nil {
		all[attrCompanions] = k.Companions.attribute()
		all[k.Companions.Tuning.Name] = k.Companions.Tuning.Attribute()
	}
	return all
}

func timeoutsAttribute(ctx context.Context) schema.Attribute {
	a := timeouts.Attributes(ctx, timeouts.Opts{
		Create: true, Read: true, Update: true, Delete: true,
		CreateDescription: "How long creating may take, until everything is ready.",
		ReadDescription:   "How long reading may take.",
		UpdateDescription: "How long updating may take, until everything is ready.",
		DeleteDescription: "How long deleting may take, until everything is gone.",
	}).(schema.SingleNestedAttribute)
	a.MarkdownDescription = "How long operations may take, as durations such as `30s` or `5m`. " + defaultTimeout.String() + " each by default."
	return a
}

// named validates a string by one of Kubernetes' functions for names.
type named struct {
	// wrong says what is wrong with the name; nil, when nothing is.
	wrong func(name string) []string
}

func (named) Description(context.Context) string { return "must be a name that Kubernetes allows here" }

func (v named) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (v named) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	for _, message := range v.wrong(req.ConfigValue.ValueString()) {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid Kubernetes Name",
			"Kubernetes does not allow "+strconv.Quote(req.ConfigValue.ValueString())+" here: "+message+".")
	}
}
