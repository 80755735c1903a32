// Package kube connects to the cluster. It creates a client from connection arguments as clientcmd does, retries transient failures, and
// explains the API server's errors as diagnostics. It knows nothing else about Terraform.
package kube

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
)

// DefaultNamespace is the namespace of objects without one, as with kubectl.
const DefaultNamespace = "default"

// DefaultClusterDomain is the default DNS domain of a cluster.
const DefaultClusterDomain = "cluster.local"

// Cluster is a client for a cluster. It is safe for concurrent use.
type Cluster struct {
	// Dynamic reads and writes objects as they are stored. The typed Istio client would drop explicit zeros.
	Dynamic dynamic.Interface
	// Namespace is the default namespace of resources. It is never empty.
	Namespace string
	// Host is the API server's URL, such as "https://10.0.0.1:6443".
	Host string
	// DryRun is one of DryRuns.
	DryRun string
	// ClusterDomain is the DNS domain of the cluster. It is never empty.
	ClusterDomain string
	// RootNamespace and DefaultExportTo are settings of Istio's MeshConfig, from the provider block. If they are empty, Istio's defaults apply.
	RootNamespace   string
	DefaultExportTo []string

	metadata metadata.Interface
	raw      rest.Interface
	health   *health
	store    store
}

// New returns a client for cfg. It sends no request, so the first request fails if the cluster cannot be reached. An invalid argument is an
// [*ArgumentError]. Several of them are joined (see [errors.Join]).
func New(ctx context.Context, cfg Config) (*Cluster, error) {
	restConfig, credentials, err := cfg.load(ctx)
	if err != nil {
		return nil, err
	}
	restConfig.QPS = -1 // the API server limits requests itself, and Retry follows its 429
	restConfig.UserAgent = cfg.UserAgent
	restConfig.WarningHandlerWithContext = warningHandler{}
	secrets := secretsOf(restConfig)
	wrapTokenFile(restConfig)

	roundTripper, err := rest.TransportFor(restConfig)
	if err != nil {
		return nil, cfg.argumentError(cfg.configArgument(), "Invalid Kubernetes connection", "%s.", firstLine(err.Error()))
	}
	outermost := &transport{
		next:        roundTripper,
		credentials: credentials,
		secrets:     secrets,
	}
	client := &http.Client{Transport: outermost}
	dyn, err := dynamic.NewForConfigAndClient(restConfig, client)
	if err != nil {
		return nil, cfg.argumentError(cfg.configArgument(), "Invalid Kubernetes connection", "%s.", firstLine(err.Error()))
	}
	meta, err := metadata.NewForConfigAndClient(restConfig, client)
	if err != nil {
		return nil, cfg.argumentError(cfg.configArgument(), "Invalid Kubernetes connection", "%s.", firstLine(err.Error()))
	}
	raw, err := rest.UnversionedRESTClientForConfigAndClient(dynamic.ConfigFor(restConfig), client)
	if err != nil {
		return nil, cfg.argumentError(cfg.configArgument(), "Invalid Kubernetes connection", "%s.", firstLine(err.Error()))
	}
	return &Cluster{
		Dynamic: dyn, Namespace: cmp.Or(cfg.Namespace, DefaultNamespace), Host: restConfig.Host, DryRun: cmp.Or(cfg.DryRun, DryRunAuto),
		ClusterDomain: cmp.Or(cfg.ClusterDomain, DefaultClusterDomain), RootNamespace: cfg.RootNamespace, DefaultExportTo: cfg.DefaultExportTo,
		metadata: meta, raw: raw, health: &outermost.health,
	}, nil
}

// secretsOf returns the values that must not appear in the log.
func secretsOf(config *rest.Config) []string {
	secrets := []string{config.Password, config.BearerToken, string(config.KeyData)}
	if config.Proxy != nil {
		if u, err := config.Proxy(nil); err == nil && u != nil && u.User != nil {
			password, _ := u.User.Password()
			secrets = append(secrets, password)
		}
	}
	if config.ExecProvider != nil {
		for _, variable := range config.ExecProvider.Env {
			secrets = append(secrets, variable.Value)
		}
	}
	return slices.DeleteFunc(secrets, func(s string) bool { return strings.TrimSpace(s) == "" })
}

// Connection is the cluster that the provider block configures, or the reason why it is not known yet.
type Connection struct {
	cluster   *Cluster
	namespace string // "" while unknown
	unknown   []string
}

// NewConnection returns a connection to a cluster.
func NewConnection(cluster *Cluster) *Connection {
	return &Connection{cluster: cluster, namespace: cluster.Namespace}
}

// NewUnknownConnection returns a connection without a cluster, because the values of the provider arguments in unknown are not known yet.
// namespace is the provider's default.
func NewUnknownConnection(namespace string, unknown ...string) *Connection {
	return &Connection{namespace: namespace, unknown: unknown}
}

// WithUnknownNamespace returns a copy of the connection whose default namespace is not known yet.
func (c *Connection) WithUnknownNamespace() *Connection {
	return &Connection{cluster: c.cluster, unknown: c.unknown}
}

// Known reports whether the cluster is known.
func (c *Connection) Known() bool { return c.cluster != nil }

// Cluster returns the cluster, or an error that names the provider arguments whose values are not known yet.
func (c *Connection) Cluster() (*Cluster, diag.Diagnostics) {
	if c.cluster != nil {
		return c.cluster, nil
	}
	return nil, diag.Diagnostics{diag.NewErrorDiagnostic(
		"The cluster is not known yet",
		fmt.Sprintf("The value of %s in the provider block is known only after an apply, so the provider cannot connect. Apply its source first (terraform "+
			"apply -target=...), or manage the cluster and what runs in it in two configurations.",
			strings.Join(c.unknown, ", ")))}
}

// Namespace returns the provider's default namespace, or "" while its argument is unknown.
func (c *Connection) Namespace() string { return c.namespace }
