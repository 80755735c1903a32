package routing

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

var _ function.Function = routeFunction{}

// ObjectsDescription describes the values that [ObjectsOf] reads.
const ObjectsDescription = "Resources of this provider, or objects with the same attributes: `gateways`, `virtual_services`, `destination_rules`, " +
	"`service_entries` and `services`, each a list, a set, a map or a single object. They can be in several namespaces."

// routeFunction is provider::lamia::route, which says what happens to a request in a cluster with exactly these objects.
type routeFunction struct{}

// NewFunction returns the function route.
func NewFunction() function.Function { return routeFunction{} }

func (routeFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "route"
}

func (routeFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "Where a request is routed",
		MarkdownDescription: "Shows where a cluster with only these objects routes a request. The provider runs Istio's own code on them and follows the " +
			"request through the resulting proxy configuration as Envoy would. It needs no cluster, so `check` blocks, and `terraform test` with `command = " +
			"plan`, can test routes before anything is applied. All objects count as created in the same second, so where Istio prefers the older object, the " +
			"name decides.\n\n" + resultDescription,
		Parameters: []function.Parameter{
			function.DynamicParameter{
				Name: "objects", AllowUnknownValues: true,
				MarkdownDescription: ObjectsDescription,
			},
			function.DynamicParameter{
				Name: "request", AllowUnknownValues: true,
				MarkdownDescription: "An object with `gateway`, the `id` of the gateway that receives the request, or `namespace` and `labels` of the pod that " +
					"sends it; `host`; and optionally `protocol` (`http` by default, `https`, `tls` or `tcp`), `port` (80 by default, 443 with TLS), `path` " +
					"with the query (`/` by default), `method` (`GET` by default), `headers`, and `sni` (by default the host).",
			},
		},
		Return: function.ObjectReturn{AttributeTypes: resultTypes},
	}
}

func (routeFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var objects, request types.Dynamic
	resp.Error = req.Arguments.Get(ctx, &objects, &request)
	if resp.Error != nil {
		return
	}
	// fail sets the result for an argument that is unknown or invalid.
	fail := func(argument int64, err error) {
		if errors.Is(err, spec.ErrUnknown) {
			resp.Error = resp.Result.Set(ctx, types.ObjectUnknown(resultTypes))
			return
		}
		resp.Error = function.NewArgumentFuncError(argument, err.Error())
	}
	given, err := objects.UnderlyingValue().ToTerraformValue(ctx)
	if err != nil {
		fail(0, err)
		return
	}
	o, err := ObjectsOf(given)
	if err != nil {
		fail(0, err)
		return
	}
	given, err = request.UnderlyingValue().ToTerraformValue(ctx)
	if err != nil {
		fail(1, err)
		return
	}
	r, err := requestOf(given)
	if err != nil {
		fail(1, err)
		return
	}
	result, err := Route(o, r)
	if err != nil {
		fail(0, err)
		return
	}
	resp.Error = resp.Result.Set(ctx, result.value())
}
