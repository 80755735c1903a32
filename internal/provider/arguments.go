package provider

import (
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/magneticio/terraform-provider-lamia/internal/kube"
)

// argument is a provider argument of type string: its name in the provider block, the environment variable that replaces it if it is null, and
// the field for its value.
type argument struct {
	name, env   string
	description string
	sensitive   bool
	// instead are arguments that, if any of them is in the provider block, make the provider ignore this one's environment variable. The
	// configuration takes precedence over the shell.
	instead []string
	field   func(*configuration) *string
}

// The names and environment variables are those of the hashicorp/kubernetes provider, except for KUBE_TOKEN_FILE, KUBE_DRY_RUN and
// KUBE_CHECK_NAMES. Variables that begin with LAMIA_ do not concern the connection: Terraform's kubernetes backend reads KUBE_NAMESPACE, too,
// and the location of the state must not decide where objects are created.
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
		description: "Server name to send (SNI) and to verify in the server's certificate, instead of the host's.",
		field:       func(c *configuration) *string { return &c.TLSServerName }},
	{name: "client_certificate", env: "KUBE_CLIENT_CERT_DATA",
		description: "Client certificate for authentication, as PEM.",
		field:       func(c *configuration) *string { return &c.ClientCertificate }},
	{name: "client_key", env: "KUBE_CLIENT_KEY_DATA", sensitive: true,
		description: "Private key of `client_certificate`, as PEM.",
		field:       func(c *configuration) *string { return &c.ClientKey }},
	{name: "cluster_ca_certificate", env: "KUBE_CLUSTER_CA_CERT_DATA",
		description: "Certificate authorities that verify the API server's certificate, as PEM.",
		field:       func(c *configuration) *string { return &c.ClusterCACertificate }},
	{name: "config_path", env: "KUBE_CONFIG_PATH", instead: []string{"config_paths"},
		description: "Path to a kubeconfig file. `~` is the home directory.",
		field:       func(c *configuration) *string { return &c.ConfigPath }},
	{name: "config_context", env: "KUBE_CTX",
		description: "Kubeconfig context to use instead of the current one.",
		field:       func(c *configuration) *string { return &c.ConfigContext }},
	{name: "config_context_auth_info", env: "KUBE_CTX_AUTH_INFO",
		description: "Kubeconfig user to use instead of the context's.",
		field:       func(c *configuration) *string { return &c.ConfigContextAuthInfo }},
	{name: "config_context_cluster", env: "KUBE_CTX_CLUSTER",
		description: "Kubeconfig cluster to use instead of the context's.",
		field:       func(c *configuration) *string { return &c.ConfigContextCluster }},
	{name: "token", env: "KUBE_TOKEN", instead: credentials, sensitive: true,
		description: "Bearer token for authentication, such as a service account's.",
		field:       func(c *configuration) *string { return &c.Token }},
	{name: "token_file", env: "KUBE_TOKEN_FILE", instead: credentials,
		description: "Path to a file with a bearer token. The provider reads it for each request, so the token can be rotated.",
		field:       func(c *configuration) *string { return &c.TokenFile }},
	{name: "proxy_url", env: "KUBE_PROXY_URL", sensitive: true,
		description: "URL of the proxy for all requests: `http://`, `https://` or `socks5://`. By default the environment variables `HTTPS_PROXY` and `NO_PROXY` apply.",
		field:       func(c *configuration) *string { return &c.ProxyURL }},
	{name: "namespace", env: "LAMIA_NAMESPACE",
		description: "Namespace of resources that do not set one. By default `default`. The provider ignores the kubeconfig's namespace, and `KUBE_NAMESPACE`, " +
			"which configures Terraform's `kubernetes` backend.",
		field: func(c *configuration) *string { return &c.Namespace }},
	{name: "dry_run", env: "KUBE_DRY_RUN",
		description: "Whether a plan asks the API server to check changes without storing them (dry run), so that the plan shows what quotas, policies and " +
			"webhooks reject: `auto` (the default), wherever possible; `never`; or `required`, where a change that cannot be checked, for example in a " +
			"namespace that does not exist yet, is an error.",
		field: func(c *configuration) *string { return &c.DryRun }},
	{name: "offline_checks", env: offlineChecksEnv,
		description: "What the provider reports if its built-in checks say that Istio would reject an object: `error` (the default); `warning`, for a newer or " +
			"a vendor's Istio that may accept more, or for objects that older rules allowed; or `off`. The API server has the last word in any case. `terraform " +
			"validate` uses only a literal value or the environment variable.",
		field: func(c *configuration) *string { return &c.settings.OfflineChecks }},
	{name: "cluster_domain", env: "LAMIA_CLUSTER_DOMAIN",
		description: "DNS domain of the cluster, the end of `host`. `" + kube.DefaultClusterDomain + "` by default.",
		field:       func(c *configuration) *string { return &c.ClusterDomain }},
	{name: "root_namespace", env: "LAMIA_ROOT_NAMESPACE",
		description: "`rootNamespace` of Istio's MeshConfig, if it is not `istio-system`. The provider needs it to warn about routes as Istio makes them, because it " +
			"does not read the MeshConfig.",
		field: func(c *configuration) *string { return &c.RootNamespace }},
}

// credentials are the arguments of which a request can use only one.
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
				MarkdownDescription: "Whether to skip verification of the API server's certificate. Anyone on the network path can then read and change everything. " +
					"Environment variable: `" + insecureEnv + "`.",
			},
			checkNames: schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "Whether `terraform validate` and `plan` report unknown names inside nested attributes, which Terraform drops silently. " +
					"`true` by default. Only a literal `false` turns it off. " +
					"Environment variable: `" + checkNamesEnv + "`.",
			},
			"remove_at_once": schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "Whether to write every change at once. By default the provider keeps a subset until no route needs it, and waits a few " +
					"seconds before a route uses something new, so that no request fails with 503. See the guide [Change versions without losing a " +
					"request](https://registry.terraform.io/providers/magneticio/lamia/latest/docs/guides/changes).",
			},
			"default_export_to": schema.ListAttribute{
				ElementType: types.StringType,
				Optional:    true,
				MarkdownDescription: "`defaultServiceExportTo`, `defaultVirtualServiceExportTo` and `defaultDestinationRuleExportTo` of Istio's MeshConfig, if they are " +
					"set, such as `[\".\"]`. The provider needs them for the same warnings as `root_namespace`.",
			},
			"default_labels": schema.MapAttribute{
				ElementType: types.StringType,
				Optional:    true,
				MarkdownDescription: "Labels for all objects, including those that come with a gateway, for example to show which workspace manages them. A " +
					"resource's own label with the same key takes precedence. `effective_labels` of a resource shows the result.",
			},
			"default_annotations": schema.MapAttribute{
				ElementType:         types.StringType,
				Optional:            true,
				MarkdownDescription: "Annotations for all objects, like `default_labels`.",
			},
			"ignore_labels": schema.ListAttribute{
				ElementType: types.StringType,
				Optional:    true,
				MarkdownDescription: "Regular expressions for label keys. The provider leaves matching labels as others change them, even if the configuration " +
					"sets them. It always leaves labels alone that the configuration does not set.",
			},
			"ignore_annotations": schema.ListAttribute{
				ElementType:         types.StringType,
				Optional:            true,
				MarkdownDescription: "Regular expressions for annotation keys, like `ignore_labels`.",
			},
			"config_paths": schema.ListAttribute{
				ElementType: types.StringType,
				Optional:    true,
				MarkdownDescription: "Paths to kubeconfig files, merged as kubectl merges those in `KUBECONFIG`. " +
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
						MarkdownDescription: "API version of the command's output: `" + strings.Join(kube.ExecAPIVersions, "` or `") + "`.",
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
						MarkdownDescription: "Environment variables of the command, in addition to Terraform's.",
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
