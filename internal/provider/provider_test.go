package provider

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
	"github.com/magneticio/terraform-provider-lamia/internal/kube"
)

const secret = "s3cr3t-do-not-show"

// unknownValue is a value that is not known yet.
var unknownValue = tftypes.UnknownValue

// block returns the configuration of a provider block. Values are string, bool, []string, unknownValue, and for exec a map of them.
func block(t *testing.T, given map[string]any) tfsdk.Config {
	t.Helper()
	s := providerSchema()
	object := s.Type().TerraformType(context.Background()).(tftypes.Object)
	return tfsdk.Config{Schema: s, Raw: value(t, object, given)}
}

func value(t *testing.T, as tftypes.Type, v any) tftypes.Value {
	t.Helper()
	switch v := v.(type) {
	case []string:
		var list []tftypes.Value
		for _, element := range v {
			list = append(list, tftypes.NewValue(tftypes.String, element))
		}
		return tftypes.NewValue(as, list)
	case map[string]string:
		elements := map[string]tftypes.Value{}
		for name, element := range v {
			elements[name] = tftypes.NewValue(tftypes.String, element)
		}
		return tftypes.NewValue(as, elements)
	case []map[string]any: // blocks
		var list []tftypes.Value
		for _, element := range v {
			list = append(list, value(t, as.(tftypes.List).ElementType, element))
		}
		return tftypes.NewValue(as, list)
	case map[string]any:
		if _, ok := as.(tftypes.List); ok { // a block
			return value(t, as, []map[string]any{v})
		}
		attributes := map[string]tftypes.Value{}
		for name, kind := range as.(tftypes.Object).AttributeTypes {
			attributes[name] = value(t, kind, v[name])
		}
		for name := range v {
			if _, ok := attributes[name]; !ok {
				t.Fatalf("there is no argument %s", name)
			}
		}
		return tftypes.NewValue(as, attributes)
	}
	return tftypes.NewValue(as, v)
}

func newProvider(version string) *lamia { return &lamia{version: version, kinds: istio.Kinds()} }

func configure(t *testing.T, given map[string]any) provider.ConfigureResponse {
	t.Helper()
	var resp provider.ConfigureResponse
	newProvider("test").Configure(context.Background(), provider.ConfigureRequest{Config: block(t, given), TerraformVersion: "1.11.4"}, &resp)
	return resp
}

// clearEnvironment unsets all variables that configure the provider. A test that calls it cannot be parallel.
func clearEnvironment(t *testing.T) {
	t.Helper()
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "KUBE_") {
			t.Setenv(name, "")
		}
	}
}

func kubeconfig(t *testing.T, name string) string {
	t.Helper()
	return write(t, fmt.Sprintf(`
apiVersion: v1
kind: Config
clusters: [{name: %[1]s, cluster: {server: "https://%[1]s.test:6443"}}]
users: [{name: %[1]s, user: {token: %[2]s}}]
contexts: [{name: %[1]s, context: {cluster: %[1]s, user: %[1]s}}]
current-context: %[1]s
`, name, secret))
}

func write(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// places returns the attributes of the errors, sorted. "" is an error about the whole block.
func places(diags diag.Diagnostics) []string {
	var places []string
	for _, d := range diags.Errors() {
		place := ""
		if d, ok := d.(diag.DiagnosticWithPath); ok {
			place = d.Path().String()
		}
		places = append(places, place)
	}
	slices.Sort(places)
	return places
}

func TestServesAValidSchema(t *testing.T) {
	t.Parallel()
	server, err := providerserver.NewProtocol6WithError(newProvider("test"))()
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.GetProviderSchema(context.Background(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range resp.Diagnostics {
		t.Errorf("%s: %s", d.Summary, d.Detail)
	}
	for _, attribute := range resp.Provider.Block.Attributes {
		secretive := slices.Contains([]string{"password", "client_key", "token", "proxy_url"}, attribute.Name)
		if attribute.Sensitive != secretive {
			t.Errorf("%s: sensitive is %v", attribute.Name, attribute.Sensitive)
		}
		inBlockOnly := strings.HasPrefix(attribute.Name, "default_") || attribute.Name == "remove_at_once" || strings.HasPrefix(attribute.Name, "ignore_")
		if !attribute.Optional || !inBlockOnly && !strings.Contains(attribute.Description, "`KUBE_") && !strings.Contains(attribute.Description, "`LAMIA_") {
			t.Errorf("%s: not optional, or its environment variable is not told: %s", attribute.Name, attribute.Description)
		}
	}
	var resp2 provider.MetadataResponse
	newProvider("1.2.3").Metadata(context.Background(), provider.MetadataRequest{}, &resp2)
	if resp2.TypeName != "lamia" || resp2.Version != "1.2.3" {
		t.Errorf("got %v", resp2)
	}
}

// Users of hashicorp/kubernetes rely on these names, so they are listed here.
func TestArgumentsAndEnvironmentAreThoseOfHashicorpKubernetes(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"host": "KUBE_HOST", "username": "KUBE_USER", "password": "KUBE_PASSWORD", "insecure": "KUBE_INSECURE",
		"tls_server_name": "KUBE_TLS_SERVER_NAME", "client_certificate": "KUBE_CLIENT_CERT_DATA", "client_key": "KUBE_CLIENT_KEY_DATA",
		"cluster_ca_certificate": "KUBE_CLUSTER_CA_CERT_DATA", "config_path": "KUBE_CONFIG_PATH", "config_paths": "KUBE_CONFIG_PATHS",
		"config_context": "KUBE_CTX", "config_context_auth_info": "KUBE_CTX_AUTH_INFO", "config_context_cluster": "KUBE_CTX_CLUSTER",
		"token": "KUBE_TOKEN", "token_file": "KUBE_TOKEN_FILE", "proxy_url": "KUBE_PROXY_URL", "namespace": "LAMIA_NAMESPACE", "dry_run": "KUBE_DRY_RUN",
		"check_names": "KUBE_CHECK_NAMES", "offline_checks": "LAMIA_OFFLINE_CHECKS", "cluster_domain": "LAMIA_CLUSTER_DOMAIN", "root_namespace": "LAMIA_ROOT_NAMESPACE",
	}
	inBlockOnly := []string{"default_annotations", "default_export_to", "default_labels", "ignore_annotations", "ignore_labels", "remove_at_once"}
	got := map[string]string{"insecure": insecureEnv, "config_paths": configPathsEnv, "check_names": checkNamesEnv}
	for _, a := range arguments {
		got[a.name] = a.env
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if s := providerSchema(); len(s.Attributes) != len(want)+len(inBlockOnly) || len(s.Blocks) != 1 || s.Blocks["exec"] == nil {
		t.Errorf("the schema has other arguments: %v %v", slices.Sorted(maps.Keys(s.Attributes)), slices.Sorted(maps.Keys(s.Blocks)))
	}
	// each string argument and its variable set their own field, and a null argument uses the variable
	for _, a := range arguments {
		env := func(name string) string {
			if name == a.env || strings.HasPrefix(a.env, "KUBE_CTX") && name == "KUBE_CONFIG_PATH" {
				return "from-" + name
			}
			return ""
		}
		for _, test := range []struct{ given, want any }{{nil, "from-" + a.env}, {"", ""}, {"block", "block"}} {
			c, diags := read(context.Background(), block(t, map[string]any{a.name: test.given}), env)
			if got := *a.field(&c); got != test.want || diags.HasError() {
				t.Errorf("%s = %v with %s set gives %q, want %q; %v", a.name, test.given, a.env, got, test.want, diags)
			}
		}
	}
}

func TestConfigure(t *testing.T) {
	blue, green := kubeconfig(t, "blue"), kubeconfig(t, "green")
	missing := filepath.Join(t.TempDir(), "missing")
	exec := map[string]any{"api_version": kube.ExecAPIVersions[0], "command": "true", "args": []string{"a"}, "env": map[string]string{"A": "1"}}
	for name, test := range map[string]struct {
		given     map[string]any
		env       map[string]string
		host      string
		namespace string
		errors    []string
		says      string
	}{
		"kubeconfig":                        {given: map[string]any{"config_path": blue, "namespace": "team"}, host: "https://blue.test:6443", namespace: "team"},
		"kubeconfigs":                       {given: map[string]any{"config_paths": []string{blue, green}, "config_context": "green"}, host: "https://green.test:6443"},
		"environment":                       {env: map[string]string{"KUBE_CONFIG_PATH": blue, "LAMIA_NAMESPACE": "team"}, host: "https://blue.test:6443", namespace: "team"},
		"KUBE_CONFIG_PATHS and KUBE_CTX":    {env: map[string]string{"KUBE_CONFIG_PATHS": blue + string(os.PathListSeparator) + green, "KUBE_CTX": "green"}, host: "https://green.test:6443"},
		"path before paths of env":          {env: map[string]string{"KUBE_CONFIG_PATH": blue, "KUBE_CONFIG_PATHS": green}, host: "https://blue.test:6443"},
		"block before environment":          {given: map[string]any{"config_path": blue}, env: map[string]string{"KUBE_CONFIG_PATH": missing, "KUBE_CONFIG_PATHS": missing}, host: "https://blue.test:6443"},
		"paths of block before path of env": {given: map[string]any{"config_paths": []string{blue}}, env: map[string]string{"KUBE_CONFIG_PATH": missing}, host: "https://blue.test:6443"},
		"exec before a token of env":        {given: map[string]any{"host": "https://a.test", "exec": exec}, env: map[string]string{"KUBE_TOKEN": "t", "KUBE_USER": "u", "KUBE_PASSWORD": "p"}, host: "https://a.test"},
		"token before others of env":        {given: map[string]any{"host": "https://a.test", "token": "t"}, env: map[string]string{"KUBE_TOKEN_FILE": missing}, host: "https://a.test"},
		"password of env":                   {given: map[string]any{"host": "https://a.test", "username": "me"}, env: map[string]string{"KUBE_PASSWORD": secret}, host: "https://a.test"},
		"host before a context of env":      {given: map[string]any{"host": "https://a.test"}, env: map[string]string{"KUBE_CTX": "red"}, host: "https://a.test"},
		"insecure of env":                   {given: map[string]any{"host": "https://a.test"}, env: map[string]string{"KUBE_INSECURE": "true"}, host: "https://a.test"},
		"not insecure over env":             {given: map[string]any{"host": "https://a.test", "insecure": false}, env: map[string]string{"KUBE_INSECURE": "rubbish"}, host: "https://a.test"},

		"nothing":                    {errors: []string{""}, says: "KUBE_CONFIG_PATH"},
		"KUBECONFIG is not read":     {env: map[string]string{"KUBECONFIG": blue}, errors: []string{""}, says: "KUBECONFIG"},
		"missing kubeconfig":         {given: map[string]any{"config_path": missing}, errors: []string{"config_path"}, says: missing},
		"missing kubeconfig of env":  {env: map[string]string{"KUBE_CONFIG_PATH": missing}, errors: []string{"config_path"}, says: "environment variable KUBE_CONFIG_PATH"},
		"malformed kubeconfig":       {given: map[string]any{"config_path": write(t, "users: ["+secret)}, errors: []string{"config_path"}, says: "not a valid kubeconfig"},
		"unknown context":            {given: map[string]any{"config_path": blue, "config_context": "red"}, errors: []string{"config_context"}, says: "blue"},
		"unknown context of env":     {given: map[string]any{"config_path": blue}, env: map[string]string{"KUBE_CTX": "red"}, errors: []string{"config_context"}, says: "environment variable KUBE_CTX."},
		"wrong KUBE_INSECURE":        {given: map[string]any{"host": "https://a.test"}, env: map[string]string{"KUBE_INSECURE": "perhaps"}, errors: []string{"insecure"}, says: "environment variable KUBE_INSECURE"},
		"contradictory":              {given: map[string]any{"host": "https://a.test", "token": secret, "exec": exec, "insecure": true, "cluster_ca_certificate": secret}, errors: []string{"cluster_ca_certificate", "exec", "insecure", "token"}},
		"wrong KUBE_DRY_RUN":         {given: map[string]any{"host": "https://a.test"}, env: map[string]string{"KUBE_DRY_RUN": "no"}, errors: []string{"dry_run"}, says: "auto, never, required"},
		"wrong LAMIA_OFFLINE_CHECKS": {given: map[string]any{"host": "https://a.test"}, env: map[string]string{"LAMIA_OFFLINE_CHECKS": "no"}, errors: []string{"offline_checks"}, says: "error, warning, off"},
		"missing password":           {given: map[string]any{"host": "https://a.test", "username": "me"}, errors: []string{"username"}, says: "password"},
	} {
		t.Run(name, func(t *testing.T) {
			clearEnvironment(t)
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			resp := configure(t, test.given)
			if got := places(resp.Diagnostics); !slices.Equal(got, test.errors) {
				t.Fatalf("errors at %q, want %q: %v", got, test.errors, resp.Diagnostics)
			}
			if shown := fmt.Sprint(resp.Diagnostics); strings.Contains(shown, secret) || !strings.Contains(shown, test.says) {
				t.Errorf("shows a secret, or not %q: %s", test.says, shown)
			}
			if test.errors != nil {
				return
			}
			connection := resp.ResourceData.(*engine.Run)
			if resp.DataSourceData.(*kube.Connection) != connection.Connection {
				t.Error("data sources have another connection")
			}
			cluster, diags := connection.Cluster()
			if diags.HasError() {
				t.Fatal(diags)
			}
			namespace := test.namespace
			if namespace == "" {
				namespace = "default"
			}
			if cluster.Host != test.host || connection.Namespace() != namespace {
				t.Errorf("got %s and %s, want %s and %s", cluster.Host, connection.Namespace(), test.host, namespace)
			}
		})
	}
}

// A cluster's audit log shows what wrote an object.
func TestRequestsNameTheProviderAndItsVersion(t *testing.T) {
	clearEnvironment(t)
	var agent atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		agent.Store(r.UserAgent())
		w.WriteHeader(http.StatusForbidden)
	}))
	defer server.Close()
	t.Setenv("KUBE_HOST", server.URL)
	var resp provider.ConfigureResponse
	newProvider("1.2.3").Configure(t.Context(), provider.ConfigureRequest{Config: block(t, nil), TerraformVersion: "1.11.4"}, &resp)
	cluster, diags := resp.DataSourceData.(*kube.Connection).Cluster()
	if resp.Diagnostics.HasError() || diags.HasError() {
		t.Fatal(resp.Diagnostics, diags)
	}
	if _, err := cluster.Get(t.Context(), kube.Object{Resource: schema.GroupVersionResource{Version: "v1", Resource: "services"}, Namespace: "a", Name: "b"}); err == nil {
		t.Error("a forbidden request gives no error")
	}
	if want := "terraform-provider-lamia/1.2.3 Terraform/1.11.4"; agent.Load() != want {
		t.Errorf("requests come from %q, want %q", agent.Load(), want)
	}
}

// An unknown argument must not send requests to a cluster from the environment or a default.
func TestUnknownArgumentsNeverFallBack(t *testing.T) {
	clearEnvironment(t)
	t.Setenv("KUBE_CONFIG_PATH", kubeconfig(t, "blue"))
	t.Setenv("LAMIA_NAMESPACE", "team")
	t.Setenv("KUBE_DRY_RUN", "required")
	arguments := slices.Collect(maps.Keys(providerSchema().Attributes))
	for _, name := range append(arguments, "exec") {
		resp := configure(t, map[string]any{name: unknownValue})
		if resp.Diagnostics.HasError() {
			t.Errorf("%s: %v", name, resp.Diagnostics)
			continue
		}
		connection := resp.ResourceData.(*engine.Run)
		if name == "namespace" || name == "dry_run" || name == "remove_at_once" {
			if !connection.Known() || (name == "namespace") != (connection.Namespace() == "") {
				t.Errorf("an unknown %s gives %v", name, connection)
			}
			if cluster, _ := connection.Cluster(); name == "dry_run" && cluster.DryRun != kube.DryRunNever {
				t.Errorf("an unknown %s is taken for %s", name, cluster.DryRun)
			}
			continue
		}
		cluster, diags := connection.Cluster()
		if cluster != nil || !diags.HasError() || !strings.Contains(diags[0].Detail(), " "+name+" ") {
			t.Errorf("an unknown %s gives %v, %v", name, cluster, diags)
		}
		if connection.Namespace() != "team" {
			t.Errorf("an unknown %s makes the namespace %s", name, connection.Namespace())
		}
	}
	exec := map[string]any{"api_version": kube.ExecAPIVersions[0], "command": "true", "args": unknownValue}
	if resp := configure(t, map[string]any{"exec": exec}); resp.ResourceData.(*engine.Run).Known() {
		t.Error("unknown args of exec give a cluster")
	}
}

func TestValidateConfig(t *testing.T) {
	t.Parallel()
	exec := map[string]any{"api_version": kube.ExecAPIVersions[0], "command": "true"}
	for name, test := range map[string]struct {
		given  map[string]any
		errors []string
	}{
		"nothing":            {},
		"a password of env":  {given: map[string]any{"username": "me"}},
		"unknown":            {given: map[string]any{"token": unknownValue, "token_file": "f", "config_paths": unknownValue, "exec": unknownValue}},
		"empty is not given": {given: map[string]any{"token": "", "exec": exec}},
		"conflict":           {given: map[string]any{"token": secret, "exec": exec}, errors: []string{"exec", "token"}},
		"two ways to files":  {given: map[string]any{"config_path": "a", "config_paths": []string{"b"}}, errors: []string{"config_paths"}},
		"host":               {given: map[string]any{"host": "ftp://x", "token": unknownValue}, errors: []string{"host"}},
		"namespace":          {given: map[string]any{"namespace": "A"}, errors: []string{"namespace"}},
		"dry_run":            {given: map[string]any{"dry_run": "always"}, errors: []string{"dry_run"}},
		"offline_checks":     {given: map[string]any{"offline_checks": "never"}, errors: []string{"offline_checks"}},
		"root_namespace":     {given: map[string]any{"root_namespace": "a.b"}, errors: []string{"root_namespace"}},
		"default_export_to":  {given: map[string]any{"default_export_to": []string{".", "a b"}}, errors: []string{"default_export_to[1]"}},
		"cluster_domain":     {given: map[string]any{"cluster_domain": "a b"}, errors: []string{"cluster_domain"}},
		"default_labels":     {given: map[string]any{"default_labels": map[string]string{"a b": "c"}}, errors: []string{"default_labels"}},
		"ignore_labels":      {given: map[string]any{"ignore_labels": []string{"("}}, errors: []string{"ignore_labels[0]"}},
		"exec":               {given: map[string]any{"exec": map[string]any{"api_version": "v1", "command": ""}}, errors: []string{"exec[0].api_version", "exec[0].command"}},
		"two execs":          {given: map[string]any{"exec": []map[string]any{exec, exec}}, errors: []string{"exec"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := validate(t, test.given); !slices.Equal(got, test.errors) {
				t.Errorf("errors at %q, want %q", got, test.errors)
			}
		})
	}
}

// The environment does not affect whether a block is valid.
func TestValidateConfigIgnoresTheEnvironment(t *testing.T) {
	t.Setenv("KUBE_INSECURE", "perhaps")
	t.Setenv("KUBE_HOST", "ftp://x")
	if got := validate(t, nil); got != nil {
		t.Errorf("errors at %q", got)
	}
}

// validate runs terraform validate's request on the served provider, and returns the places of the errors, sorted.
func validate(t *testing.T, given map[string]any) (got []string) {
	t.Helper()
	raw := block(t, given).Raw
	config, err := tfprotov6.NewDynamicValue(raw.Type(), raw)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := providerserver.NewProtocol6(newProvider("test"))().ValidateProviderConfig(context.Background(), &tfprotov6.ValidateProviderConfigRequest{Config: &config})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range resp.Diagnostics {
		if strings.Contains(d.Summary+d.Detail, secret) {
			t.Errorf("shows a secret: %s", d.Detail)
		}
		got = append(got, place(d.Attribute))
	}
	slices.Sort(got)
	return got
}

// place formats a path of the protocol as the framework does.
func place(at *tftypes.AttributePath) string {
	var place strings.Builder
	for _, step := range at.Steps() {
		switch step := step.(type) {
		case tftypes.AttributeName:
			if place.Len() > 0 {
				place.WriteByte('.')
			}
			place.WriteString(string(step))
		case tftypes.ElementKeyInt:
			fmt.Fprintf(&place, "[%d]", int64(step))
		}
	}
	return place.String()
}
