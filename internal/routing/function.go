package routing

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

var _ function.Function = routeFunction{}

// routeFunction is provider::lamia::route: what happens to a request where these objects are all that there is.
type routeFunction struct{}

// NewFunction makes the function route.
func NewFunction() function.Function { return routeFunction{} }

func (routeFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "route"
}

func (routeFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "What happens to a request",
		MarkdownDescription: "What happens to a request in a cluster that holds these objects and nothing else. Istio's own code makes of them what it would serve a gateway or a sidecar, " +
			"and the request follows that as Envoy would. It takes no cluster, so that `terraform test` with `command = plan` and `check` blocks can test routes before anything is applied. " +
			"Objects count as made in the same second, so that among equals the name decides.\n\n" + resultDescription,
		Parameters: []function.Parameter{
			function.DynamicParameter{
				Name: "objects", AllowUnknownValues: true,
				MarkdownDescription: "Resources of this provider, or objects with the same attributes: `gateways`, `virtual_services`, `destination_rules`, `service_entries` and `services`, each a list, " +
					"a set, a map or a single one. They may be of several namespaces.",
			},
			function.DynamicParameter{
				Name: "request", AllowUnknownValues: true,
				MarkdownDescription: "An object: `gateway`, the `id` of the gateway that gets the request, or `namespace`, that of the pod that sends it, with its `labels`; `host`; and if it is not as usual `protocol` " +
					"(`http`, `https`, `tls` or `tcp`; `http` by default), `port` (80, or 443 with TLS), `path` with the query (`/`), `method` (`GET`), `headers`, and `sni` (the host).",
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
	// fail is the result of an argument that is not known yet, or wrong.
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
	o, err := objectsOf(given)
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
