package provider

import (
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/magneticio/terraform-provider-lamia/internal/kube"
)

// argument is a provider argument that holds a string: its name in the provider block, the environment variable
// that stands in when it is not given, and the place of its value.
type argument struct {
	name, env   string
	description string
	sensitive   bool
	// instead are arguments of which any, when given in the provider block, makes this one's environment
	// variable be ignored: what is written beats what a shell happens to hold.
	instead []string
	field   func(*configuration) *string
}

// The names and the environment variables are those of the hashicorp/kubernetes provider; KUBE_TOKEN_FILE, KUBE_DRY_RUN and KUBE_CHECK_NAMES are
// new. What begins with LAMIA_ is no matter of the connection: KUBE_NAMESPACE is read by Terraform's kubernetes backend, too, and where a state is
// kept must move no object.
var arguments = []argument{
	{name: "host", env: "KUBE_HOST",
		description: "URL of the API server, such as `https://10.0.0.1:6443`.",
		field:       func(c *configuration) *string { return &c.Host }},
	{name: "username", env: "KUBE_USER", instead: credentials,
		description: "User name for HTTP basic authentication.",
		field:       func(c *configuration) *string { return &c.Username }},
	{name: "password", env: "KUBE_PASSWORD", instead: []string{"token", "token_file", "exec"}, sensitive: true,
		description: "Password for HTTP basic authentication.",
		field:       func(c *configuration) *string { return &c.Password }},
	{name: "tls_server_name", env: "KUBE_TLS_SERVER_NAME",
		description: "Name to ask for (SNI) and to find in the server's certificate, in place of the host's.",
		field:       func(c *configuration) *string { return &c.TLSServerName }},
	{name: "client_certificate", env: "KUBE_CLIENT_CERT_DATA",
		description: "PEM of the client certificate to authenticate with.",
		field:       func(c *configuration) *string { return &c.ClientCertificate }},
	{name: "client_key", env: "KUBE_CLIENT_KEY_DATA", sensitive: true,
		description: "PEM of the private key of `client_certificate`.",
		field:       func(c *configuration) *string { return &c.ClientKey }},
	{name: "cluster_ca_certificate", env: "KUBE_CLUSTER_CA_CERT_DATA",
		description: "PEM of the certificate authorities that may sign the API server's certificate.",
		field:       func(c *configuration) *string { return &c.ClusterCACertificate }},
	{name: "config_path", env: "KUBE_CONFIG_PATH", instead: []string{"config_paths"},
		description: "Path of a kubeconfig file. `~` is the home directory.",
		field:       func(c *configuration) *string { return &c.ConfigPath }},
	{name: "config_context", env: "KUBE_CTX",
		description: "Context of the kubeconfig to use, in place of its current one.",
		field:       func(c *configuration) *string { return &c.ConfigContext }},
	{name: "config_context_auth_info", env: "KUBE_CTX_AUTH_INFO",
		description: "User of the kubeconfig to use, in place of the context's.",
		field:       func(c *configuration) *string { return &c.ConfigContextAuthInfo }},
	{name: "config_context_cluster", env: "KUBE_CTX_CLUSTER",
		description: "Cluster of the kubeconfig to use, in place of the context's.",
		field:       func(c *configuration) *string { return &c.ConfigContextCluster }},
	{name: "token", env: "KUBE_TOKEN", instead: credentials, sensitive: true,
		description: "Bearer token to authenticate with, such as a service account's.",
		field:       func(c *configuration) *string { return &c.Token }},
	{name: "token_file", env: "KUBE_TOKEN_FILE", instead: credentials,
		description: "Path of a file that holds a bearer token. It is read anew for each request, so the token may be rotated.",
		field:       func(c *configuration) *string { return &c.TokenFile }},
	{name: "proxy_url", env: "KUBE_PROXY_URL", sensitive: true,
		description: "URL of the proxy for all requests: `http://`, `https://` or `socks5://`. By default `HTTPS_PROXY` and `NO_PROXY` of the environment count.",
		field:       func(c *configuration) *string { return &c.ProxyURL }},
	{name: "namespace", env: "LAMIA_NAMESPACE",
		description: "Namespace of resources that give none. By default `default`; neither the kubeconfig's namespace is used nor `KUBE_NAMESPACE`, which tells Terraform's " +
			"`kubernetes` backend where to keep the state.",
		field: func(c *configuration) *string { return &c.Namespace }},
	{name: "dry_run", env: "KUBE_DRY_RUN",
		description: "Whether a plan asks the API server to try what it is about to write, without storing anything, so that what a quota, a policy or a webhook " +
			"refuses shows at plan. `auto` (the default): where that can be. `never`. `required`: what cannot be tried, in a namespace that does not exist yet for example, is an error.",
		field: func(c *configuration) *string { return &c.DryRun }},
	{name: "offline_checks", env: offlineChecksEnv,
		description: "What becomes of an object that Istio would refuse, as far as the provider can tell without asking the cluster. `error` (the default); `warning`, " +
			"for a newer Istio or a vendor's that may accept more, or for objects that older rules let through; `off`. The API server has the last word in any case. " +
			"For `terraform validate` the value has to be a literal, or in the environment.",
		field: func(c *configuration) *string { return &c.settings.OfflineChecks }},
	{name: "cluster_domain", env: "LAMIA_CLUSTER_DOMAIN",
		description: "DNS domain of the cluster, which ends `host`. `" + kube.DefaultClusterDomain + "` by default.",
		field:       func(c *configuration) *string { return &c.ClusterDomain }},
}

// credentials are the arguments of which a request can carry one.
var credentials = []string{"token", "token_file", "username", "exec"}

const (
	insecureEnv    = "KUBE_INSECURE"
	configPathsEnv = "KUBE_CONFIG_PATHS"
	checkNamesEnv  = "KUBE_CHECK_NAMES"

	offlineChecksEnv = "LAMIA_OFFLINE_CHECKS"
)

func providerSchema() schema.Schema {
	s := schema.Schema{
		MarkdownDescription: "Manages [Istio](https://istio.io) traffic rules and gateways in a Kubernetes cluster.",
		Attributes: map[string]schema.Attribute{
			"insecure": schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "Do not verify the API server's certificate: anybody on the way can then read and change everything. " +
					"Environment variable: `" + insecureEnv + "`.",
			},
			checkNames: schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "Whether `terraform validate` and `plan` read the configuration for names inside nested attributes that do not exist, which " +
					"Terraform would drop silently. `true` by default. Only a literal `false` turns it off. " +
					"Environment variable: `" + checkNamesEnv + "`.",
			},
			"remove_at_once": schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "Write every change at once. By default the provider keeps a subset until no route needs it, and waits a few seconds before a route uses " +
					"what is new, so that no request is answered with 503: see the guide [Change versions without losing a request](guides/changes.md).",
			},
			"default_labels": schema.MapAttribute{
				ElementType: types.StringType,
				Optional:    true,
				MarkdownDescription: "Labels of all objects, and of those that come with a gateway, for an audit: which workspace, which configuration made them. " +
					"One under the same key in a resource counts more. `effective_labels` of a resource shows the outcome.",
			},
			"default_annotations": schema.MapAttribute{
				ElementType:         types.StringType,
				Optional:            true,
				MarkdownDescription: "Annotations of all objects, as `default_labels` are labels.",
			},
			"ignore_labels": schema.ListAttribute{
				ElementType: types.StringType,
				Optional:    true,
				MarkdownDescription: "Regular expressions that match keys of labels whose changes by others are left alone, although the configuration gives them. " +
					"Labels that it does not give are left alone anyway.",
			},
			"ignore_annotations": schema.ListAttribute{
				ElementType:         types.StringType,
				Optional:            true,
				MarkdownDescription: "Regular expressions that match keys of annotations, as `ignore_labels` does of labels.",
			},
			"config_paths": schema.ListAttribute{
				ElementType: types.StringType,
				Optional:    true,
				MarkdownDescription: "Paths of kubeconfig files, merged as kubectl merges those of `KUBECONFIG`. " +
					"Environment variable: `" + configPathsEnv + "`, separated as in `PATH`.",
			},
		},
		Blocks: map[string]schema.Block{
			"exec": schema.ListNestedBlock{
				MarkdownDescription: "Credential plugin: a command that prints an " +
					"[ExecCredential](https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins).",
				Validators: []validator.List{listvalidator.SizeAtMost(1)},
				NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
					"api_version": schema.StringAttribute{
						Required:            true,
						MarkdownDescription: "API version of what the command prints: `" + strings.Join(kube.ExecAPIVersions, "` or `") + "`.",
					},
					"command": schema.StringAttribute{
						Required:            true,
						MarkdownDescription: "The command, by name or path.",
					},
					"args": schema.ListAttribute{
						ElementType:         types.StringType,
						Optional:            true,
						Sensitive:           true,
						MarkdownDescription: "Arguments of the command.",
					},
					"env": schema.MapAttribute{
						ElementType:         types.StringType,
						Optional:            true,
						Sensitive:           true,
						MarkdownDescription: "Environment variables of the command, besides those of Terraform.",
					},
				}},
			},
		},
	}
	for _, a := range arguments {
		s.Attributes[a.name] = schema.StringAttribute{
			Optional:            true,
			Sensitive:           a.sensitive,
			MarkdownDescription: a.description + " Environment variable: `" + a.env + "`.",
		}
	}
	return s
}
