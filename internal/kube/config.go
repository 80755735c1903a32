package kube

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Config describes how to connect to a cluster. Its fields are the arguments of the hashicorp/kubernetes provider, and token_file, namespace,
// dry_run and settings of Istio. A zero field is unset. Arguments override the kubeconfig. A credential in an argument replaces all credentials
// of the kubeconfig's user, so that a request never has two identities.
type Config struct {
	Host                  string   // URL, or host:port for https
	Username              string   // HTTP basic authentication
	Password              string   // secret
	Insecure              bool     // do not verify the server's certificate
	TLSServerName         string   // name to verify instead of the host
	ClientCertificate     string   // PEM
	ClientKey             string   // PEM, secret
	ClusterCACertificate  string   // PEM
	ConfigPath            string   // path of a kubeconfig
	ConfigPaths           []string // paths of kubeconfigs, merged like those in kubectl's KUBECONFIG
	ConfigContext         string   // context to use instead of current-context
	ConfigContextAuthInfo string   // user to use instead of the context's
	ConfigContextCluster  string   // cluster to use instead of the context's
	Token                 string   // bearer token, secret
	TokenFile             string   // path of a file with a bearer token, read for each request
	ProxyURL              string   // http, https or socks5; can contain a password
	Exec                  *Exec    // credential plugin
	Namespace             string   // default namespace of resources
	DryRun                string   // one of DryRuns; default DryRunAuto
	ClusterDomain         string   // DNS domain; default DefaultClusterDomain
	RootNamespace         string   // of Istio's MeshConfig; default Istio's
	DefaultExportTo       []string // of Istio's MeshConfig; default Istio's
	UserAgent             string   // user agent of requests
}

// Exec is a credential plugin: a command that prints an ExecCredential (client.authentication.k8s.io).
type Exec struct {
	APIVersion string
	Command    string
	Args       []string
	Env        map[string]string // values may be secret
}

// ArgumentError is an invalid argument: where it is, what is wrong, and what to do. It never contains a secret.
type ArgumentError struct {
	Path    path.Path
	Summary string
	Detail  string
}

func (e *ArgumentError) Error() string {
	return fmt.Sprintf("%s: %s: %s", e.Path, e.Summary, e.Detail)
}

func (Config) argumentError(at path.Path, summary, format string, args ...any) *ArgumentError {
	return &ArgumentError{Path: at, Summary: summary, Detail: fmt.Sprintf(format, args...)}
}

// String returns where the configuration connects to, without secrets.
func (c Config) String() string {
	return fmt.Sprintf("kube.Config{host: %q, kubeconfig: %q, context: %q}", withoutUser(c.Host), c.paths(), c.ConfigContext)
}

// GoString returns String, so that %#v does not print secrets either.
func (c Config) GoString() string { return c.String() }

func (c Config) paths() []string {
	if c.ConfigPath != "" {
		return []string{c.ConfigPath}
	}
	return c.ConfigPaths
}

// configArgument returns the argument at which errors of the whole kubeconfig are reported.
func (c Config) configArgument() path.Path {
	switch {
	case c.ConfigPath != "":
		return path.Root("config_path")
	case len(c.ConfigPaths) > 0:
		return path.Root("config_paths")
	case c.Host != "":
		return path.Root("host")
	}
	return path.Empty()
}

// credentials returns the identity in the arguments with a description for messages, or nil if there is none. It does not read token files: see
// wrapTokenFile.
func (c Config) credentials() (*clientcmdapi.AuthInfo, string) {
	user := &clientcmdapi.AuthInfo{
		Token: strings.TrimSpace(c.Token), TokenFile: expandHome(c.TokenFile),
		Username: c.Username, Password: c.Password,
		ClientCertificateData: []byte(c.ClientCertificate), ClientKeyData: []byte(c.ClientKey),
	}
	switch {
	case c.Token != "":
		return user, "the provider's token"
	case c.TokenFile != "":
		return user, fmt.Sprintf("the token in %s", c.TokenFile)
	case c.Username != "":
		return user, fmt.Sprintf("the provider's username %q and its password", c.Username)
	case c.Exec != nil:
		user.Exec = &clientcmdapi.ExecConfig{
			APIVersion: c.Exec.APIVersion, Command: c.Exec.Command, Args: c.Exec.Args,
			InteractiveMode: clientcmdapi.IfAvailableExecInteractiveMode,
		}
		for _, name := range slices.Sorted(maps.Keys(c.Exec.Env)) {
			user.Exec.Env = append(user.Exec.Env, clientcmdapi.ExecEnvVar{Name: name, Value: c.Exec.Env[name]})
		}
		return user, fmt.Sprintf("what the provider's exec command %q gave", c.Exec.Command)
	case c.ClientCertificate != "":
		return user, "the provider's client_certificate"
	}
	return nil, ""
}

// Validate returns an error if given arguments are invalid, whatever other arguments may be added, such as from the environment. It reads no
// files. Its errors are like those of New.
func (c Config) Validate() error {
	var errs []error
	wrong := func(argument, summary, format string, args ...any) {
		errs = append(errs, c.argumentError(path.Root(argument), summary, format, args...))
	}
	c.checkHost(wrong)
	c.checkCredentials(wrong)
	c.checkTLS(wrong)
	if c.ConfigPath != "" && len(c.ConfigPaths) > 0 {
		wrong("config_paths", "Conflicting arguments", "config_path and config_paths cannot both be set. Remove one: config_paths takes any number of files.")
	}
	if c.ProxyURL != "" {
		if err := checkProxyURL(c.ProxyURL); err != "" {
			wrong("proxy_url", "Invalid proxy URL", "%s.", err)
		}
	}
	if c.Namespace != "" {
		if problems := validation.IsDNS1123Label(c.Namespace); len(problems) > 0 {
			wrong("namespace", "Invalid namespace", "%q is not a valid namespace name: %s.", c.Namespace, problems[0])
		}
	}
	if c.DryRun != "" && !slices.Contains(DryRuns, c.DryRun) {
		wrong("dry_run", "Invalid dry_run", "%q is invalid. Use one of: %s.", c.DryRun, strings.Join(DryRuns, ", "))
	}
	if e := c.Exec; e != nil {
		if !slices.Contains(ExecAPIVersions, e.APIVersion) {
			errs = append(errs, c.argumentError(path.Root("exec").AtListIndex(0).AtName("api_version"), "Invalid exec API version",
				"%q is not supported. Use the version that the command prints: %s.", e.APIVersion, strings.Join(ExecAPIVersions, " or ")))
		}
		if e.Command == "" {
			errs = append(errs, c.argumentError(path.Root("exec").AtListIndex(0).AtName("command"), "Missing exec command",
				"exec has no command. Set command to a program that prints credentials."))
		}
	}
	return errors.Join(errs...)
}

// ExecAPIVersions are the versions of the credential plugin protocol that client-go supports.
var ExecAPIVersions = []string{"client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"}

func (c Config) checkHost(wrong func(argument, summary, format string, args ...any)) {
	if c.Host == "" {
		return
	}
	u, _, err := rest.DefaultServerURL(c.Host, "", schema.GroupVersion{}, true)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		wrong("host", "Invalid host", "The value is not the URL of an API server. Use the URL that kubectl cluster-info shows, such as https://10.0.0.1:6443.")
	case u.User != nil:
		wrong("host", "Credentials in host", "The URL contains a user name or password. Remove them and set username and password.")
	case u.RawQuery != "" || u.Fragment != "":
		wrong("host", "Invalid host", "The URL of an API server has no query or fragment. Use the URL that kubectl cluster-info shows, such as https://10.0.0.1:6443.")
	case u.Scheme == "http":
		if own, _ := c.credentials(); own != nil {
			wrong("host", "Credentials without TLS", "The host starts with http://, so anyone on the network path could read the credentials. Use https://, or "+
				"remove the credentials.")
		}
	}
}

func (c Config) checkCredentials(wrong func(argument, summary, format string, args ...any)) {
	var given []string
	for argument, set := range map[string]bool{
		"token": c.Token != "", "token_file": c.TokenFile != "", "username": c.Username != "", "exec": c.Exec != nil,
	} {
		if set {
			given = append(given, argument)
		}
	}
	if slices.Sort(given); len(given) > 1 {
		for _, argument := range given {
			wrong(argument, "Conflicting credentials", "%s cannot be set together. Set only one of them.", strings.Join(given, " and "))
		}
	}
}

// complete returns an error if an argument that another one needs is missing, or if the token file is empty.
func (c Config) complete() error {
	var errs []error
	for _, pair := range [][2]struct{ name, value string }{
		{{"username", c.Username}, {"password", c.Password}},
		{{"client_certificate", c.ClientCertificate}, {"client_key", c.ClientKey}},
	} {
		if given, missing := pair[0], pair[1]; (given.value == "") != (missing.value == "") {
			if given.value == "" {
				given, missing = missing, given
			}
			errs = append(errs, c.argumentError(path.Root(given.name), "Missing "+missing.name,
				"%s is set without %s. Set both or neither.", given.name, missing.name))
		}
	}
	if c.TokenFile != "" {
		switch data, err := os.ReadFile(expandHome(c.TokenFile)); {
		case err != nil:
			errs = append(errs, c.argumentError(path.Root("token_file"), "Unreadable token file", "%s. Set the path to a file with a bearer token.", err))
		case strings.TrimSpace(string(data)) == "":
			errs = append(errs, c.argumentError(path.Root("token_file"), "Empty token file", "%s is empty. Write a bearer token to the file.", c.TokenFile))
		}
	}
	return errors.Join(errs...)
}

func (c Config) checkTLS(wrong func(argument, summary, format string, args ...any)) {
	if c.Insecure && c.ClusterCACertificate != "" {
		wrong("insecure", "Conflicting arguments", "insecure skips the check that cluster_ca_certificate is for. Remove one of them, preferably insecure.")
	}
	if c.ClusterCACertificate != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(c.ClusterCACertificate)) {
		wrong("cluster_ca_certificate", "Invalid certificate", "%s", pemProblem(c.ClusterCACertificate))
	}
	certificate, key := c.ClientCertificate, c.ClientKey
	switch {
	case certificate != "" && !isPEM(certificate):
		wrong("client_certificate", "Invalid certificate", "%s", pemProblem(certificate))
	case key != "" && !isPEM(key):
		wrong("client_key", "Invalid key", "%s", pemProblem(key))
	case certificate != "" && key != "":
		// The error of X509KeyPair names types of blocks, but never their content.
		if _, err := tls.X509KeyPair([]byte(certificate), []byte(key)); err != nil {
			wrong("client_key", "Unusable client certificate and key", "%s. Both must be PEM and belong together.", strings.TrimPrefix(err.Error(), "tls: "))
		}
	}
}

func isPEM(s string) bool {
	block, _ := pem.Decode([]byte(s))
	return block != nil
}

// pemProblem says why s is not a PEM block and which function would return one. It does not quote s.
func pemProblem(s string) string {
	if decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s)); err == nil && isPEM(string(decoded)) {
		return "The value is base64-encoded PEM. Decode it: base64decode(...)."
	}
	if isPEM(s) {
		return "The value is PEM but contains no valid certificate."
	}
	if _, err := os.Stat(expandHome(s)); err == nil {
		return "The value is a path. Use the file's content: file(...)."
	}
	return "The value is not PEM (\"-----BEGIN ...\"). Use a file's content, file(...), or a kubeconfig's data, base64decode(...)."
}

// checkProxyURL says what is wrong with a proxy's URL. It does not quote the URL, which can contain a password.
func checkProxyURL(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return "The value is not a URL. Use the form http://proxy:3128"
	case !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme) || u.Host == "":
		return "The value must be http://, https:// or socks5:// and a host, such as http://proxy:3128"
	}
	return ""
}

// expandHome replaces a leading ~ like a shell, because Terraform does not.
func expandHome(name string) string {
	if rest, ok := strings.CutPrefix(name, "~"); ok && (rest == "" || os.IsPathSeparator(rest[0])) {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return name
}

// withoutUser returns a URL's scheme and host, without user name and password, or "" if the URL has no host.
func withoutUser(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
