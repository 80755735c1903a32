package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/function"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/magneticio/terraform-provider-lamia/internal/istio"
	"github.com/magneticio/terraform-provider-lamia/internal/kube"
)

var _ function.Function = hostFunction{}

// hostFunction is provider::lamia::host, which returns the fully qualified name of a Service that Terraform does not manage.
type hostFunction struct{}

func newHostFunction() function.Function { return hostFunction{} }

func (hostFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "host"
}

func (hostFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "The fully qualified name of a Service",
		MarkdownDescription: "The fully qualified name of a Service, such as `svc-1.vamp-test1.svc.cluster.local`. In a virtual service or destination rule it " +
			"refers to the same Service from every namespace; a short name refers to a Service in the rule's own namespace. For a Service that Terraform " +
			"manages or reads, use its `host` attribute.",
		Parameters: []function.Parameter{
			function.StringParameter{Name: "service", MarkdownDescription: "The name of the Service."},
			function.StringParameter{Name: "namespace", MarkdownDescription: "The namespace of the Service."},
		},
		VariadicParameter: function.StringParameter{
			Name:                "cluster_domain",
			MarkdownDescription: "The DNS domain of the cluster, optional. `" + kube.DefaultClusterDomain + "` by default.",
		},
		Return: function.StringReturn{},
	}
}

func (hostFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var service, namespace string
	var domains []string
	resp.Error = req.Arguments.Get(ctx, &service, &namespace, &domains)
	if resp.Error != nil {
		return
	}
	if len(domains) > 1 {
		resp.Error = function.NewArgumentFuncError(3, "too many arguments: give the name, the namespace and at most one cluster domain")
		return
	}
	domain := kube.DefaultClusterDomain
	if len(domains) == 1 {
		domain = domains[0]
	}
	for position, argument := range []struct {
		what, value string
		wrong       func(string) []string
	}{
		{"a Service", service, validation.IsDNS1035Label},
		{"a namespace", namespace, validation.IsDNS1123Label},
		{"a cluster's domain", domain, validation.IsDNS1123Subdomain},
	} {
		for _, message := range argument.wrong(argument.value) {
			resp.Error = function.ConcatFuncErrors(resp.Error, function.NewArgumentFuncError(int64(position),
				fmt.Sprintf("%q is not a valid name of %s: %s", argument.value, argument.what, message)))
		}
	}
	if resp.Error == nil {
		resp.Error = resp.Result.Set(ctx, istio.Host(service, namespace, domain))
	}
}
