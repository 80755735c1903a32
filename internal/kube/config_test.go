package kube

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// secret is the value of every secret in a test. It must not be shown anywhere.
const secret = "s3cr3t-do-not-show"

// write writes a file and returns its path.
func write(t *testing.T, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// kubeconfig writes a kubeconfig with a context, a cluster and a user for each name, and returns its path. The first context is the current one.
// The user NAME has the token "token-NAME", and the cluster is at https://NAME.test:6443.
func kubeconfig(t *testing.T, names ...string) string {
	t.Helper()
	config := clientcmdapi.NewConfig()
	for _, name := range names {
		config.Clusters[name] = &clientcmdapi.Cluster{Server: "https://" + name + ".test:6443"}
		config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: "token-" + name}
		config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name, Namespace: "ns-" + name}
	}
	if len(names) > 0 {
		config.CurrentContext = names[0]
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// argumentErrors returns the ArgumentErrors in a joined error, by path.
func argumentErrors(t *testing.T, err error) map[string]*ArgumentError {
	t.Helper()
	found := map[string]*ArgumentError{}
	var walk func(error)
	walk = func(err error) {
		var joined interface{ Unwrap() []error }
		if errors.As(err, &joined) {
			for _, err := range joined.Unwrap() {
				walk(err)
			}
			return
		}
		var wrong *ArgumentError
		if !errors.As(err, &wrong) {
			t.Fatalf("not an argument's error: %v", err)
		}
		found[wrong.Path.String()] = wrong
	}
	if err != nil {
		walk(err)
	}
	return found
}

func TestWrongArguments(t *testing.T) {
	t.Parallel()
	good := kubeconfig(t, "blue", "green")
	missing := filepath.Join(t.TempDir(), "no-such-file")
	certificate, key := newCertificate(t), newCertificate(t)
	noContext := write(t, "none", "apiVersion: v1\nkind: Config\nclusters: []\n")
	noCurrent := strings.Replace(read(t, good), "current-context: blue", "current-context: \"\"", 1)
	wrongCurrent := strings.Replace(read(t, good), "current-context: blue", "current-context: red", 1)
	proxied := strings.Replace(read(t, good), "server:", "proxy-url: ftp://me:"+secret+"@proxy\n    server:", 1)
	for name, test := range map[string]struct {
		config Config
		want   map[string][]string // by path, texts of the error
	}{
		"nothing": {Config{}, map[string][]string{"": {"KUBE_CONFIG_PATH", "config_path", "host", "token_file", "service account", "KUBECONFIG"}}},
		"missing kubeconfig": {Config{ConfigPath: missing},
			map[string][]string{"config_path": {missing}}},
		"all of several kubeconfigs missing": {Config{ConfigPaths: []string{missing, missing + "2"}},
			map[string][]string{"config_paths": {missing, missing + "2"}}},
		"a folder": {Config{ConfigPath: filepath.Dir(missing)},
			map[string][]string{"config_path": {filepath.Dir(missing), "directory"}}},
		"malformed kubeconfig": {Config{ConfigPath: write(t, "bad", "users:\n- name: me\n  user: {token: "+secret+"\nclusters: [\n")},
			map[string][]string{"config_path": {"is not a valid kubeconfig", "line "}}},
		"kubeconfig of another type": {Config{ConfigPath: write(t, "bad", "users: "+secret+"\n")},
			map[string][]string{"config_path": {"is not a valid kubeconfig"}}},
		"kubeconfig that is a token": {Config{ConfigPath: write(t, "bad", secret)},
			map[string][]string{"config_path": {"is not a valid kubeconfig"}}},
		"second of two kubeconfigs malformed": {Config{ConfigPaths: []string{good, write(t, "bad", "users: "+secret)}},
			map[string][]string{"config_paths[1]": {"is not a valid kubeconfig"}}},
		"kubeconfig without contexts": {Config{ConfigPath: noContext},
			map[string][]string{"config_path": {"current-context", "none"}}},
		"kubeconfig without a current context": {Config{ConfigPath: write(t, "c", noCurrent)},
			map[string][]string{"config_path": {"config_context", "blue, green"}}},
		"current context unknown": {Config{ConfigPath: write(t, "c", wrongCurrent)},
			map[string][]string{"config_path": {`no context "red"`, "blue, green"}}},
		"unknown context": {Config{ConfigPath: good, ConfigContext: "red"},
			map[string][]string{"config_context": {good, `"red"`, "blue, green"}}},
		"unknown user": {Config{ConfigPath: good, ConfigContextAuthInfo: "red"},
			map[string][]string{"config_context_auth_info": {good, `"red"`, "blue, green"}}},
		"unknown cluster": {Config{ConfigPath: good, ConfigContextCluster: "red"},
			map[string][]string{"config_context_cluster": {good, `"red"`, "blue, green"}}},
		"context without kubeconfig": {Config{Host: "https://a.test", ConfigContext: "red"},
			map[string][]string{"config_context": {`"red"`, "config_path"}}},
		"kubeconfig with a wrong proxy": {Config{ConfigPath: write(t, "p", proxied)},
			map[string][]string{"config_path": {"proxy-url", "socks5://"}}},
		"kubeconfig whose certificate file is missing": {Config{ConfigPath: write(t, "c", strings.Replace(read(t, good), "server:", "certificate-authority: /no/such/ca\n    server:", 1))},
			map[string][]string{"config_path": {"/no/such/ca"}}},

		"both config_path and config_paths": {Config{ConfigPath: good, ConfigPaths: []string{good}},
			map[string][]string{"config_paths": {"config_path"}}},
		"insecure with a CA": {Config{Host: "https://a.test", Insecure: true, ClusterCACertificate: certificate.pem},
			map[string][]string{"insecure": {"cluster_ca_certificate"}}},
		"token with token_file": {Config{Host: "https://a.test", Token: secret, TokenFile: write(t, "token", secret)},
			map[string][]string{"token": {"token and token_file"}, "token_file": {"token and token_file"}}},
		"token with exec": {Config{Host: "https://a.test", Token: secret, Exec: &Exec{APIVersion: ExecAPIVersions[0], Command: "true"}},
			map[string][]string{"token": {"exec and token"}, "exec": {"exec and token"}}},
		"username without password": {Config{Host: "https://a.test", Username: "me"},
			map[string][]string{"username": {"password"}}},
		"password without username": {Config{Host: "https://a.test", Password: secret},
			map[string][]string{"password": {"username"}}},
		"certificate without key": {Config{Host: "https://a.test", ClientCertificate: certificate.pem},
			map[string][]string{"client_certificate": {"client_key"}}},
		"key without certificate": {Config{Host: "https://a.test", ClientKey: certificate.key},
			map[string][]string{"client_key": {"client_certificate"}}},
		"certificate with another's key": {Config{Host: "https://a.test", ClientCertificate: certificate.pem, ClientKey: key.key},
			map[string][]string{"client_key": {"belong together"}}},
		"key in base64": {Config{Host: "https://a.test", ClientCertificate: certificate.pem, ClientKey: base64.StdEncoding.EncodeToString([]byte(key.key))},
			map[string][]string{"client_key": {"base64decode"}}},
		"CA that is a path": {Config{Host: "https://a.test", ClusterCACertificate: write(t, "ca", certificate.pem)},
			map[string][]string{"cluster_ca_certificate": {"file("}}},
		"CA that is a key": {Config{Host: "https://a.test", ClusterCACertificate: certificate.key},
			map[string][]string{"cluster_ca_certificate": {"no valid certificate"}}},
		"CA that is rubbish": {Config{Host: "https://a.test", ClusterCACertificate: secret},
			map[string][]string{"cluster_ca_certificate": {"BEGIN"}}},
		"missing token file": {Config{Host: "https://a.test", TokenFile: missing},
			map[string][]string{"token_file": {missing}}},
		"empty token file": {Config{Host: "https://a.test", TokenFile: write(t, "token", "\n")},
			map[string][]string{"token_file": {"empty"}}},
		"host that is no URL": {Config{Host: "https://" + secret + ":x:y"},
			map[string][]string{"host": {"https://10.0.0.1:6443"}}},
		"host of another scheme": {Config{Host: "ftp://a.test"},
			map[string][]string{"host": {"https://10.0.0.1:6443"}}},
		"host with a password": {Config{Host: "https://me:" + secret + "@a.test"},
			map[string][]string{"host": {"username and password"}}},
		"host with a query": {Config{Host: "https://a.test/?token=" + secret},
			map[string][]string{"host": {"query"}}},
		"credentials without TLS": {Config{Host: "http://a.test", Token: secret},
			map[string][]string{"host": {"https://"}}},
		"proxy that is no URL": {Config{Host: "https://a.test", ProxyURL: "http://me:" + secret + "@ proxy"},
			map[string][]string{"proxy_url": {"http://proxy:3128"}}},
		"proxy of another scheme": {Config{Host: "https://a.test", ProxyURL: "ftp://me:" + secret + "@proxy"},
			map[string][]string{"proxy_url": {"socks5://"}}},
		"namespace that is no label": {Config{Host: "https://a.test", Namespace: "A_b"},
			map[string][]string{"namespace": {`"A_b"`, "lower case"}}},
		"exec of an old version without a command": {Config{Host: "https://a.test", Exec: &Exec{APIVersion: "client.authentication.k8s.io/v1alpha1", Env: map[string]string{"A": secret}}},
			map[string][]string{"exec[0].api_version": {"client.authentication.k8s.io/v1 or"}, "exec[0].command": {"Set command"}}},
		"several at once": {Config{Insecure: true, ClusterCACertificate: "x", Namespace: "-", Password: secret},
			map[string][]string{"insecure": nil, "cluster_ca_certificate": nil, "namespace": nil, "password": nil}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, err := New(context.Background(), test.config)
			if err == nil {
				t.Fatalf("no error, but a cluster at %s", cluster.Host)
			}
			got := argumentErrors(t, err)
			if len(got) != len(test.want) {
				t.Errorf("errors %v, want them at %v", err, test.want)
			}
			for at, parts := range test.want {
				if got[at] == nil {
					t.Errorf("no error at %q, but: %v", at, err)
					continue
				}
				for _, part := range parts {
					if !strings.Contains(got[at].Detail, part) {
						t.Errorf("the error at %q does not mention %q: %s", at, part, got[at].Detail)
					}
				}
			}
			for _, shown := range []string{err.Error(), fmt.Sprintf("%v %+v %#v", test.config, test.config, test.config)} {
				if strings.Contains(shown, secret) {
					t.Errorf("shows a secret: %s", shown)
				}
			}
		})
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestLoad(t *testing.T) {
	t.Parallel()
	blueGreen, red := kubeconfig(t, "blue", "green"), kubeconfig(t, "red")
	missing := filepath.Join(t.TempDir(), "missing")
	ca := newCertificate(t)
	token := write(t, "token", "token-file\n")
	insecure := write(t, "insecure", strings.Replace(read(t, blueGreen), "server:", "insecure-skip-tls-verify: true\n    server:", 2))
	withPlugin := write(t, "plugin", strings.Replace(read(t, blueGreen), "token: token-blue",
		"exec: {apiVersion: client.authentication.k8s.io/v1, command: plugin, interactiveMode: Never}", 1))
	for name, test := range map[string]struct {
		config      Config
		host        string
		credentials string
		check       func(*rest.Config) bool
	}{
		"current context": {Config{ConfigPath: blueGreen}, "https://blue.test:6443", `user "blue"`,
			func(c *rest.Config) bool { return c.BearerToken == "token-blue" && !c.Insecure }},
		"context": {Config{ConfigPath: blueGreen, ConfigContext: "green"}, "https://green.test:6443", `user "green"`,
			func(c *rest.Config) bool { return c.BearerToken == "token-green" }},
		"user": {Config{ConfigPath: blueGreen, ConfigContextAuthInfo: "green"}, "https://blue.test:6443", `user "green"`,
			func(c *rest.Config) bool { return c.BearerToken == "token-green" }},
		"cluster": {Config{ConfigPath: blueGreen, ConfigContextCluster: "green"}, "https://green.test:6443", `user "blue"`,
			func(c *rest.Config) bool { return c.BearerToken == "token-blue" }},
		"several files, the first wins, a missing one is passed over": {Config{ConfigPaths: []string{missing, blueGreen, red}}, "https://blue.test:6443", `user "blue"`, nil},
		"context of the last of several files":                        {Config{ConfigPaths: []string{blueGreen, red}, ConfigContext: "red"}, "https://red.test:6443", `user "red"`, nil},
		"host over kubeconfig": {Config{ConfigPath: blueGreen, Host: "https://other.test"}, "https://other.test", `user "blue"`,
			func(c *rest.Config) bool { return c.BearerToken == "token-blue" }},
		"token over kubeconfig": {Config{ConfigPath: blueGreen, Token: "mine\n"}, "https://blue.test:6443", "the provider's token",
			func(c *rest.Config) bool { return c.BearerToken == "mine" }},
		"token over a kubeconfig's plugin": {Config{ConfigPath: withPlugin, Token: "mine"}, "https://blue.test:6443", "the provider's token",
			func(c *rest.Config) bool { return c.BearerToken == "mine" && c.ExecProvider == nil }},
		"plugin of the kubeconfig": {Config{ConfigPath: withPlugin}, "https://blue.test:6443", `user "blue"`,
			func(c *rest.Config) bool { return c.ExecProvider.Command == "plugin" && c.BearerToken == "" }},
		"client certificate over a kubeconfig's token": {Config{ConfigPath: blueGreen, ClientCertificate: ca.pem, ClientKey: ca.key}, "https://blue.test:6443", "client_certificate",
			func(c *rest.Config) bool { return c.BearerToken == "" && string(c.KeyData) == ca.key }},
		"token file": {Config{Host: "https://a.test", TokenFile: token}, "https://a.test", token,
			func(c *rest.Config) bool { return c.BearerTokenFile == token }},
		"host without a scheme is https": {Config{Host: "a.test:6443", Token: "t"}, "https://a.test:6443", "token",
			func(c *rest.Config) bool { return c.BearerToken == "t" }},
		"host with a path": {Config{Host: "https://a.test/k8s/clusters/c-1", Token: "t"}, "https://a.test/k8s/clusters/c-1", "token", nil},
		"no credentials":   {Config{Host: "http://a.test:8001"}, "http://a.test:8001", "anonymous", nil},
		"a kubeconfig's credentials without TLS": {Config{ConfigPath: blueGreen, Host: "http://a.test:8001"}, "http://a.test:8001", "not sent",
			func(c *rest.Config) bool {
				return c.BearerToken == "" && c.BearerTokenFile == "" && c.ExecProvider == nil
			}},
		"basic": {Config{Host: "https://a.test", Username: "me", Password: "pw"}, "https://a.test", `"me"`,
			func(c *rest.Config) bool { return c.Username == "me" && c.Password == "pw" }},
		"exec": {Config{Host: "https://a.test", Exec: &Exec{APIVersion: ExecAPIVersions[0], Command: "aws", Args: []string{"eks"}, Env: map[string]string{"B": "2", "A": "1"}}}, "https://a.test", `"aws"`,
			func(c *rest.Config) bool {
				return c.ExecProvider.Command == "aws" && slices.Equal(c.ExecProvider.Args, []string{"eks"}) &&
					slices.Equal(c.ExecProvider.Env, []clientcmdapi.ExecEnvVar{{Name: "A", Value: "1"}, {Name: "B", Value: "2"}})
			}},
		"insecure": {Config{Host: "https://a.test", Insecure: true}, "https://a.test", "anonymous",
			func(c *rest.Config) bool { return c.Insecure }},
		"CA over an insecure kubeconfig": {Config{ConfigPath: insecure, ClusterCACertificate: ca.pem}, "https://blue.test:6443", `user "blue"`,
			func(c *rest.Config) bool { return !c.Insecure && string(c.CAData) == ca.pem }},
		"TLS server name": {Config{Host: "https://a.test", TLSServerName: "b.test"}, "https://a.test", "anonymous",
			func(c *rest.Config) bool { return c.ServerName == "b.test" }},
		"proxy": {Config{Host: "https://a.test", ProxyURL: "http://proxy.test:3128"}, "https://a.test", "anonymous",
			func(c *rest.Config) bool { u, err := c.Proxy(nil); return err == nil && u.Host == "proxy.test:3128" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, credentials, err := test.config.load(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if config.Host != test.host {
				t.Errorf("host %q, want %q", config.Host, test.host)
			}
			if !strings.Contains(credentials, test.credentials) {
				t.Errorf("credentials %q, want %q", credentials, test.credentials)
			}
			if test.check != nil && !test.check(config) {
				t.Errorf("unexpected configuration: %v", config)
			}
		})
	}
}

func TestHomeIsExpanded(t *testing.T) { // not parallel, because it sets the environment
	home := t.TempDir()
	t.Setenv("HOME", home)
	if err := os.Rename(kubeconfig(t, "blue"), filepath.Join(home, "config")); err != nil {
		t.Fatal(err)
	}
	cluster, err := New(context.Background(), Config{ConfigPath: "~/config"})
	if err != nil || cluster.Host != "https://blue.test:6443" {
		t.Fatalf("got %v, %v", cluster, err)
	}
	if got := expandHome("~other/x"); got != "~other/x" {
		t.Errorf("~other/x became %s", got)
	}
}

func TestInCluster(t *testing.T) { // not parallel, because it sets the environment
	dir, ca := t.TempDir(), newCertificate(t)
	t.Setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
	t.Setenv("KUBERNETES_SERVICE_PORT", "443")
	if config := inCluster(dir); config != nil {
		t.Fatalf("without a token this is no pod: %v", config)
	}
	for name, content := range map[string]string{"token": secret, "ca.crt": ca.pem} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config, err := clientcmd.NewNonInteractiveClientConfig(*inCluster(dir), "", nil, nil).ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != "https://[fd00::1]:443" || config.CAFile != filepath.Join(dir, "ca.crt") || config.BearerTokenFile != filepath.Join(dir, "token") {
		t.Errorf("unexpected configuration: %v", config)
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	if config := inCluster(dir); config != nil {
		t.Errorf("without a service host this is no pod: %v", config)
	}
}

func TestNamespace(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"": "default", "team": "team"} {
		cluster, err := New(context.Background(), Config{ConfigPath: kubeconfig(t, "blue"), Namespace: given})
		if err != nil || cluster.Namespace != want {
			t.Errorf("namespace %q gives %v, %v, want %q", given, cluster, err, want)
		}
	}
}

func TestArgumentErrorNamesItsPlace(t *testing.T) {
	t.Parallel()
	err := &ArgumentError{Path: path.Root("config_paths").AtListIndex(1), Summary: "Missing kubeconfig", Detail: "There is none."}
	if want := "config_paths[1]: Missing kubeconfig: There is none."; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}
