package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-log/tflog"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// load returns the client's configuration and a description of its credentials for messages.
func (c Config) load(ctx context.Context) (*rest.Config, string, error) {
	if err := errors.Join(c.Validate(), c.complete()); err != nil {
		return nil, "", err
	}
	config, err := c.source(ctx)
	if err != nil {
		return nil, "", err
	}
	overrides := c.overrides()
	credentials := "no credentials (anonymous)"
	if own, name := c.credentials(); own != nil {
		const key = "the provider's arguments"
		config.AuthInfos[key], overrides.Context.AuthInfo = own, key
		credentials = name
	} else if user := c.chosen(config).AuthInfo; user != "" {
		credentials = fmt.Sprintf("user %q of %s", user, c.sourceName())
	}
	restConfig, err := clientcmd.NewNonInteractiveClientConfig(*config, c.ConfigContext, overrides, nil).ClientConfig()
	if err != nil {
		problem := strings.TrimSuffix(strings.TrimPrefix(err.Error(), "invalid configuration: "), ".")
		return nil, "", c.argumentError(c.configArgument(), "Invalid Kubernetes connection", "%s cannot be used: %s.", c.sourceName(), problem)
	}
	if user := c.chosen(config).AuthInfo; user != "" && !rest.IsConfigTransportTLS(*restConfig) { // clientcmd omits them without TLS, like kubectl
		credentials = fmt.Sprintf("no credentials (those of user %q are not sent over http://, where anyone on the network path could read them)", user)
	}
	return restConfig, credentials, nil
}

// source returns the kubeconfig to start with: the given files, or an empty one if there is a host, or that of the pod.
func (c Config) source(ctx context.Context) (*clientcmdapi.Config, error) {
	switch {
	case len(c.paths()) > 0:
		config, err := c.readFiles(ctx)
		if err != nil {
			return nil, err
		}
		return config, c.checkChoice(config)
	case c.ConfigContext+c.ConfigContextAuthInfo+c.ConfigContextCluster != "":
		argument, value := "config_context", c.ConfigContext
		if c.ConfigContextAuthInfo != "" {
			argument, value = "config_context_auth_info", c.ConfigContextAuthInfo
		} else if c.ConfigContextCluster != "" {
			argument, value = "config_context_cluster", c.ConfigContextCluster
		}
		return nil, c.argumentError(path.Root(argument), "No kubeconfig to choose from",
			"%s is %q, but no kubeconfig is set. Set config_path or config_paths too, or remove %s.", argument, value, argument)
	case c.Host != "":
		return clientcmdapi.NewConfig(), nil
	}
	if config := inCluster(serviceAccountDir); config != nil {
		return config, nil
	}
	return nil, c.argumentError(path.Empty(), "No cluster is configured",
		"The provider does not know which cluster to use. Set one of:\n"+
			"  - config_path = \"~/.kube/config\" (or the environment variable KUBE_CONFIG_PATH), with config_context to choose a context;\n"+
			"  - config_paths, several kubeconfigs to merge (or KUBE_CONFIG_PATHS);\n"+
			"  - host and cluster_ca_certificate with token, token_file, exec, or client_certificate and client_key (or KUBE_HOST, ...);\n"+
			"  - nothing, in a pod with a service account.\n"+
			"The provider does not read KUBECONFIG or ~/.kube/config on its own, so that a plan does not depend on a shell's current context.")
}

// serviceAccountDir is where Kubernetes mounts a pod's credentials.
const serviceAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount"

// inCluster returns the kubeconfig that corresponds to a pod's environment, or nil outside of a pod.
func inCluster(dir string) *clientcmdapi.Config {
	host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
	token := filepath.Join(dir, "token")
	if info, err := os.Stat(token); err != nil || info.IsDir() || host == "" || port == "" {
		return nil
	}
	const name = "in-cluster"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{
		Server:               "https://" + net.JoinHostPort(host, port),
		CertificateAuthority: filepath.Join(dir, "ca.crt"),
	}
	config.AuthInfos["service account"] = &clientcmdapi.AuthInfo{TokenFile: token}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: "service account"}
	config.CurrentContext = name
	return config
}

func (c Config) sourceName() string {
	switch paths := c.paths(); {
	case len(paths) > 0:
		return strings.Join(paths, ", ")
	case c.Host != "":
		return "the provider block"
	}
	return "the pod's service account"
}

// readFiles merges the kubeconfigs. Like kubectl, it skips missing files if there are several. Its errors do not quote malformed files, because
// kubeconfigs contain secrets.
func (c Config) readFiles(ctx context.Context) (*clientcmdapi.Config, error) {
	var found []string
	var errs []error
	paths := c.paths()
	for i, name := range paths {
		at := path.Root("config_path")
		if c.ConfigPath == "" {
			at = path.Root("config_paths").AtListIndex(i)
		}
		file := expandHome(name)
		_, err := clientcmd.LoadFromFile(file)
		var pathError *os.PathError
		switch {
		case err == nil:
			found = append(found, file)
		case errors.Is(err, os.ErrNotExist) && len(paths) > 1:
			tflog.Warn(ctx, "Passing over a kubeconfig that does not exist", map[string]any{"path": file})
		case errors.Is(err, os.ErrNotExist):
			errs = append(errs, c.argumentError(at, "Missing kubeconfig", "The file %s does not exist. Set the path to a kubeconfig, such as ~/.kube/config.", file))
		case errors.As(err, &pathError):
			errs = append(errs, c.argumentError(at, "Unreadable kubeconfig", "%s: %s.", file, pathError.Err))
		default:
			errs = append(errs, c.argumentError(at, "Malformed kubeconfig", "%s is not a valid kubeconfig%s. Check it: kubectl config view "+
				"--kubeconfig=%s", file, yamlLine(err), file))
		}
	}
	if len(found) == 0 && len(errs) == 0 {
		errs = append(errs, c.argumentError(path.Root("config_paths"), "Missing kubeconfig", "None of these files exists: %s.", strings.Join(paths, ", ")))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	config, err := (&clientcmd.ClientConfigLoadingRules{Precedence: found}).Load()
	if err != nil {
		return nil, c.argumentError(c.configArgument(), "Malformed kubeconfig", "%s cannot be merged.", strings.Join(found, ", "))
	}
	return config, nil
}

// yamlLine returns the position of a YAML error. The rest of the error's text can quote the file.
func yamlLine(err error) string {
	if line := regexp.MustCompile(`\bline (\d+)\b`).FindStringSubmatch(err.Error()); line != nil {
		return ": error near line " + line[1]
	}
	return ""
}

// chosen returns the context to use: the named or current one, with the user and cluster of the arguments.
func (c Config) chosen(config *clientcmdapi.Config) clientcmdapi.Context {
	var chosen clientcmdapi.Context
	name := c.ConfigContext
	if name == "" {
		name = config.CurrentContext
	}
	if context := config.Contexts[name]; context != nil {
		chosen = *context
	}
	if c.ConfigContextAuthInfo != "" {
		chosen.AuthInfo = c.ConfigContextAuthInfo
	}
	if c.ConfigContextCluster != "" {
		chosen.Cluster = c.ConfigContextCluster
	}
	return chosen
}

// checkChoice returns an error for a context, cluster or user that the files do not have. The error lists those that they have.
func (c Config) checkChoice(config *clientcmdapi.Config) error {
	files := c.sourceName()
	chosen := c.chosen(config)
	missing := func(at path.Path, what, name string, have []string) error {
		return c.argumentError(at, "Unknown "+what, "%s has no %s %q. It has %s.", files, what, name, list(have))
	}
	contexts := slices.Sorted(maps.Keys(config.Contexts))
	own, _ := c.credentials()
	switch {
	case c.ConfigContext != "" && config.Contexts[c.ConfigContext] == nil:
		return missing(path.Root("config_context"), "context", c.ConfigContext, contexts)
	case c.ConfigContextAuthInfo != "" && config.AuthInfos[c.ConfigContextAuthInfo] == nil:
		return missing(path.Root("config_context_auth_info"), "user", c.ConfigContextAuthInfo, slices.Sorted(maps.Keys(config.AuthInfos)))
	case c.ConfigContextCluster != "" && config.Clusters[c.ConfigContextCluster] == nil:
		return missing(path.Root("config_context_cluster"), "cluster", c.ConfigContextCluster, slices.Sorted(maps.Keys(config.Clusters)))
	case chosen.Cluster == "" && c.Host == "" && config.CurrentContext == "" && c.ConfigContext == "":
		return c.argumentError(c.configArgument(), "No context chosen",
			"%s has no current-context. Choose one with config_context; it has %s.", files, list(contexts))
	case chosen.Cluster == "" && c.Host == "" && c.ConfigContext == "":
		return missing(c.configArgument(), "context", config.CurrentContext, contexts)
	case config.Clusters[chosen.Cluster] == nil && c.Host == "":
		return missing(c.configArgument(), "cluster", chosen.Cluster, slices.Sorted(maps.Keys(config.Clusters)))
	case chosen.AuthInfo != "" && config.AuthInfos[chosen.AuthInfo] == nil && own == nil:
		return missing(c.configArgument(), "user", chosen.AuthInfo, slices.Sorted(maps.Keys(config.AuthInfos)))
	}
	if cluster := config.Clusters[chosen.Cluster]; cluster != nil && cluster.ProxyURL != "" && c.ProxyURL == "" {
		// clientcmd's error would quote the URL, which can contain a password
		if problem := checkProxyURL(cluster.ProxyURL); problem != "" {
			return c.argumentError(c.configArgument(), "Invalid proxy URL", "The proxy-url of cluster %q in %s: %s.", chosen.Cluster, files, problem)
		}
	}
	return nil
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// overrides returns the arguments about the cluster, which take precedence over the kubeconfig.
func (c Config) overrides() *clientcmd.ConfigOverrides {
	overrides := &clientcmd.ConfigOverrides{
		CurrentContext: c.ConfigContext,
		Context:        clientcmdapi.Context{AuthInfo: c.ConfigContextAuthInfo, Cluster: c.ConfigContextCluster},
		ClusterInfo: clientcmdapi.Cluster{
			TLSServerName:            c.TLSServerName,
			InsecureSkipTLSVerify:    c.Insecure,
			CertificateAuthorityData: []byte(c.ClusterCACertificate),
			ProxyURL:                 c.ProxyURL,
		},
	}
	if c.Host != "" { // Validate has checked that it is a URL
		host, _, _ := rest.DefaultServerURL(c.Host, "", schema.GroupVersion{}, true)
		overrides.ClusterInfo.Server = host.String()
	}
	return overrides
}
