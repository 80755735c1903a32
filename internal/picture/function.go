package picture

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/magneticio/terraform-provider-lamia/internal/routing"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// drawFunction is provider::lamia::draw.
type drawFunction struct{}

// NewFunction returns the function draw.
func NewFunction() function.Function { return drawFunction{} }

func (drawFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "draw"
}

func (drawFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "The routing as a Mermaid flowchart",
		MarkdownDescription: "Draws which gateways lead to which Services, in which namespaces, as the text of a [Mermaid](https://mermaid.js.org) flowchart, with hosts, paths " +
			"and weights. What routes name and the objects do not include is marked as not found. The provider's command does the same with a whole state or plan: " +
			"`terraform show -json | terraform-provider-lamia draw`.",
		Parameters: []function.Parameter{
			function.DynamicParameter{Name: "objects", AllowUnknownValues: true, MarkdownDescription: routing.ObjectsDescription},
		},
		Return: function.StringReturn{},
	}
}

func (drawFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var objects types.Dynamic
	if resp.Error = req.Arguments.Get(ctx, &objects); resp.Error != nil {
		return
	}
	given, err := objects.UnderlyingValue().ToTerraformValue(ctx)
	if err == nil {
		o, problem := routing.ObjectsOf(given)
		if err = problem; err == nil {
			resp.Error = resp.Result.Set(ctx, Draw(o))
			return
		}
	}
	if errors.Is(err, spec.ErrUnknown) {
		resp.Error = resp.Result.Set(ctx, types.StringUnknown())
		return
	}
	resp.Error = function.NewArgumentFuncError(0, err.Error())
}
