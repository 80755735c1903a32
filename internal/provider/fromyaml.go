package provider

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
	"github.com/magneticio/terraform-provider-lamia/internal/manifest"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

var _ function.Function = fromYAMLFunction{}

// fromYAMLFunction is provider::lamia::from_yaml, which returns the objects of a manifest as values for resources.
type fromYAMLFunction struct{}

func newFromYAMLFunction() function.Function { return fromYAMLFunction{} }

func (fromYAMLFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "from_yaml"
}

func (fromYAMLFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "The objects of a Kubernetes manifest as values for resources",
		MarkdownDescription: "Reads YAML or JSON documents, including lists as `kubectl get -o yaml` prints them, and returns their objects as values with the " +
			"attributes of this provider's resources. The result has an attribute for each resource type, such as `gateway`, `virtual_service` or `service`: a " +
			"map by `namespace/name`, or by only the name for an object without a namespace. Each element has `namespace`, `name`, `labels`, `annotations` and " +
			"the attributes of the object's spec; attributes that the manifest does not set are null.\n\nObjects of other kinds, unknown fields and values of " +
			"the wrong type are errors with a line number. Fields that the API server adds (`status`, `metadata.uid` and so on) are left out, and so are " +
			"objects in a cluster that belong to another object.",
		Parameters: []function.Parameter{
			function.StringParameter{Name: "text", MarkdownDescription: "The manifest, such as `file(\"reviews.yaml\")`."},
		},
		Return: function.DynamicReturn{},
	}
}

func (fromYAMLFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var text string
	resp.Error = req.Arguments.Get(ctx, &text)
	if resp.Error != nil {
		return
	}
	objects, problems := manifest.Read(text)
	all, elements, messages := make(map[string]map[string]attr.Value), make(map[string]types.ObjectType), make(map[string]*spec.Message)
	for _, k := range istio.Kinds() {
		messages[k.Type] = element(k)
		all[k.Type], elements[k.Type] = make(map[string]attr.Value), typeOf(messages[k.Type])
	}
	for _, o := range objects {
		key := o.Name
		if o.Namespace != "" {
			key = o.Namespace + "/" + o.Name
		}
		if _, twice := all[o.Type][key]; twice {
			problems = append(problems, manifest.Problem{Line: o.Line, Text: fmt.Sprintf("there is more than one %s called %s", o.Kind.Kind, key)})
		}
		value, err := valueOf(ctx, o, messages[o.Type], elements[o.Type])
		if err != nil {
			resp.Error = function.NewArgumentFuncError(0, fmt.Sprintf("line %d: %s", o.Line, err))
			return
		}
		all[o.Type][key] = value
	}
	if len(problems) > 0 {
		lines := make([]string, len(problems))
		for i, p := range problems {
			lines[i] = p.String()
		}
		resp.Error = function.NewArgumentFuncError(0, strings.Join(lines, "\n"))
		return
	}
	resultTypes, result := make(map[string]attr.Type), make(map[string]attr.Value)
	for name, objects := range all {
		resultTypes[name] = types.MapType{ElemType: elements[name]}
		result[name] = types.MapValueMust(elements[name], objects)
	}
	resp.Error = resp.Result.Set(ctx, types.DynamicValue(types.ObjectValueMust(resultTypes, result)))
}

// element returns the function's value for an object of a kind.
func element(k *engine.Kind) *spec.Message {
	m := &spec.Message{}
	for _, name := range []string{"namespace", "name", "labels", "annotations"} {
		m.Fields = append(m.Fields, *k.Attributes().Named(name))
	}
	m.Fields = append(m.Fields, k.Spec.Fields...)
	return m
}

func typeOf(m *spec.Message) types.ObjectType {
	t := types.ObjectType{AttrTypes: make(map[string]attr.Type)}
	for name, a := range m.Attributes() {
		t.AttrTypes[name] = a.GetType()
	}
	return t
}

func valueOf(ctx context.Context, o manifest.Object, m *spec.Message, t types.ObjectType) (attr.Value, error) {
	tree := maps.Clone(o.Spec)
	tree["name"] = o.Name
	if o.Namespace != "" {
		tree["namespace"] = o.Namespace
	}
	for name, values := range map[string]map[string]string{"labels": o.Labels, "annotations": o.Annotations} {
		if values != nil {
			elements := make(map[string]any, len(values))
			for key, v := range values {
				elements[key] = v
			}
			tree[o.Attributes().Named(name).JSON] = elements
		}
	}
	data, err := m.Marshal(tree)
	if err != nil {
		return nil, err
	}
	value, err := (&tfprotov6.DynamicValue{MsgPack: data}).Unmarshal(t.TerraformType(ctx))
	if err != nil {
		return nil, err
	}
	return t.ValueFromTerraform(ctx, value)
}
