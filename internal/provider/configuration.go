package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"istio.io/istio/pkg/config/visibility"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/kube"
)

// configuration is a provider block with the values from the environment.
type configuration struct {
	kube.Config
	settings engine.Settings
	atOnce   bool              // remove_at_once
	fromEnv  map[string]string // by argument, the environment variable that its value comes from
}

// unknown returns the arguments of a provider block whose values are unknown, sorted.
func unknown(block tfsdk.Config) ([]string, error) {
	var values map[string]tftypes.Value
	if err := block.Raw.As(&values); err != nil {
		return nil, err
	}
	var names []string
	for name, value := range values {
		if !value.IsFullyKnown() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// read returns the known values of a provider block. Unknown values are treated as null. For a null argument, it calls getenv. An empty string
// is a value: it means unset, whatever the environment contains.
func read(ctx context.Context, block tfsdk.Config, getenv func(string) string) (configuration, diag.Diagnostics) {
	c := configuration{fromEnv: map[string]string{}}
	r := reader{ctx: ctx, block: block}
	absent := map[string]bool{}
	for _, a := range arguments {
		*a.field(&c), absent[a.name] = r.text(path.Root(a.name))
	}
	c.settings.Labels = r.textMap(path.Root("default_labels"))
	c.settings.Annotations = r.textMap(path.Root("default_annotations"))
	c.settings.IgnoreLabels = r.patterns(path.Root("ignore_labels"))
	c.settings.IgnoreAnnotations = r.patterns(path.Root("ignore_annotations"))
	paths := attribute[types.List](&r, path.Root("config_paths"))
	c.ConfigPaths = texts(paths.Elements())
	c.DefaultExportTo = texts(attribute[types.List](&r, path.Root("default_export_to")).Elements())
	insecure := attribute[types.Bool](&r, path.Root("insecure"))
	c.Insecure = insecure.ValueBool()
	atOnce := attribute[types.Bool](&r, path.Root("remove_at_once"))
	c.atOnce = atOnce.ValueBool()
	c.Exec = r.exec()

	given := c.given()
	for _, a := range arguments {
		value := getenv(a.env)
		if value != "" && absent[a.name] && !slices.ContainsFunc(a.instead, func(name string) bool { return given[name] }) {
			*a.field(&c), c.fromEnv[a.name] = value, a.env
		}
	}
	if value := getenv(configPathsEnv); value != "" && paths.IsNull() && c.ConfigPath == "" {
		c.ConfigPaths, c.fromEnv["config_paths"] = filepath.SplitList(value), configPathsEnv
	}
	if value := getenv(insecureEnv); value != "" && insecure.IsNull() {
		c.fromEnv["insecure"] = insecureEnv
		var err error
		if c.Insecure, err = strconv.ParseBool(value); err != nil {
			r.diags.Append(c.diagnostic(&kube.ArgumentError{Path: path.Root("insecure"), Summary: "Invalid insecure",
				Detail: "The value must be true or false."}))
		}
	}
	c.dropContextWithoutKubeconfig()
	c.settings.ClusterDomain = cmp.Or(c.ClusterDomain, kube.DefaultClusterDomain)
	return c, r.diags
}

// Validate checks the arguments.
func (c *configuration) Validate() error { return errors.Join(c.wrongSettings(), c.Config.Validate()) }

// wrongSettings checks the arguments that do not concern the connection.
func (c *configuration) wrongSettings() error {
	var errs []error
	wrong := func(at path.Path, format string, args ...any) {
		errs = append(errs, &kube.ArgumentError{Path: at, Summary: "Invalid " + at.Steps()[0].String(), Detail: fmt.Sprintf(format, args...)})
	}
	if checks := c.settings.OfflineChecks; checks != "" && !slices.Contains(engine.Checks, checks) {
		wrong(path.Root("offline_checks"), "%q is invalid. Use one of: %s.", checks, strings.Join(engine.Checks, ", "))
	}
	if problems := validation.IsDNS1123Label(c.RootNamespace); c.RootNamespace != "" && len(problems) > 0 {
		wrong(path.Root("root_namespace"), "%q is not a valid namespace name: %s.", c.RootNamespace, problems[0])
	}
	for i, to := range c.DefaultExportTo {
		if err := visibility.Instance(to).Validate(); err != nil {
			wrong(path.Root("default_export_to").AtListIndex(i), "%q is invalid. Use \".\", \"*\" or the name of a namespace.", to)
		}
	}
	if problems := validation.IsDNS1123Subdomain(c.ClusterDomain); c.ClusterDomain != "" && len(problems) > 0 {
		wrong(path.Root("cluster_domain"), "%q is invalid: %s.", c.ClusterDomain, problems[0])
	}
	for key, value := range c.settings.Labels {
		for _, problem := range slices.Concat(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)) {
			wrong(path.Root("default_labels").AtMapKey(key), "%q = %q is not a valid label: %s.", key, value, problem)
		}
	}
	for key := range c.settings.Annotations {
		for _, problem := range validation.IsQualifiedName(strings.ToLower(key)) {
			wrong(path.Root("default_annotations").AtMapKey(key), "%q is not a valid annotation key: %s.", key, problem)
		}
	}
	return errors.Join(errs...)
}

// given returns the arguments that have a value.
func (c *configuration) given() map[string]bool {
	given := map[string]bool{"exec": c.Exec != nil, "config_paths": len(c.ConfigPaths) > 0}
	for _, a := range arguments {
		given[a.name] = *a.field(c) != ""
	}
	return given
}

// dropContextWithoutKubeconfig ignores a context from the environment if there is a host but no kubeconfig.
func (c *configuration) dropContextWithoutKubeconfig() {
	if c.ConfigPath != "" || len(c.ConfigPaths) > 0 {
		return
	}
	for name, field := range map[string]*string{
		"config_context":           &c.ConfigContext,
		"config_context_auth_info": &c.ConfigContextAuthInfo,
		"config_context_cluster":   &c.ConfigContextCluster,
	} {
		if c.fromEnv[name] != "" {
			*field = ""
		}
	}
}

// diagnostics returns errors as diagnostics with their arguments.
func (c *configuration) diagnostics(err error) diag.Diagnostics {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var diags diag.Diagnostics
		for _, err := range joined.Unwrap() {
			diags.Append(c.diagnostics(err)...)
		}
		return diags
	}
	var wrong *kube.ArgumentError
	if errors.As(err, &wrong) {
		return diag.Diagnostics{c.diagnostic(wrong)}
	}
	return diag.Diagnostics{diag.NewErrorDiagnostic("Invalid Kubernetes connection", err.Error())}
}

func (c *configuration) diagnostic(wrong *kube.ArgumentError) diag.Diagnostic {
	steps := wrong.Path.Steps()
	if len(steps) == 0 {
		return diag.NewErrorDiagnostic(wrong.Summary, wrong.Detail)
	}
	detail := wrong.Detail
	if env := c.fromEnv[steps[0].String()]; env != "" {
		detail += "\n\nThe value comes from the environment variable " + env + "."
	}
	return diag.NewAttributeErrorDiagnostic(wrong.Path, wrong.Summary, detail)
}

// reader reads attributes of a provider block and collects errors.
type reader struct {
	ctx   context.Context
	block tfsdk.Config
	diags diag.Diagnostics
}

func attribute[T attr.Value](r *reader, at path.Path) T {
	var value T
	r.diags.Append(r.block.GetAttribute(r.ctx, at, &value)...)
	return value
}

func (r *reader) text(at path.Path) (value string, absent bool) {
	text := attribute[types.String](r, at)
	return text.ValueString(), text.IsNull()
}

func (r *reader) textMap(at path.Path) map[string]string {
	all := make(map[string]string)
	for key, value := range attribute[types.Map](r, at).Elements() {
		all[key] = value.(types.String).ValueString()
	}
	return all
}

func (r *reader) patterns(at path.Path) (patterns []*regexp.Regexp) {
	for i, text := range texts(attribute[types.List](r, at).Elements()) {
		pattern, err := regexp.Compile(text)
		if err != nil {
			r.diags.AddAttributeError(at.AtListIndex(i), "Invalid Regular Expression", fmt.Sprintf("%q is not a valid regular expression: %v.", text, err))
			continue
		}
		patterns = append(patterns, pattern)
	}
	return patterns
}

// exec returns the exec block, or nil if there is none or a part of it is unknown.
func (r *reader) exec() *kube.Exec {
	blocks := attribute[types.List](r, path.Root("exec"))
	if raw, err := blocks.ToTerraformValue(r.ctx); err != nil || !raw.IsFullyKnown() || len(blocks.Elements()) != 1 {
		return nil
	}
	at := path.Root("exec").AtListIndex(0)
	exec := &kube.Exec{
		Args: texts(attribute[types.List](r, at.AtName("args")).Elements()),
		Env:  map[string]string{},
	}
	exec.APIVersion, _ = r.text(at.AtName("api_version"))
	exec.Command, _ = r.text(at.AtName("command"))
	for name, value := range attribute[types.Map](r, at.AtName("env")).Elements() {
		exec.Env[name] = value.(types.String).ValueString()
	}
	return exec
}

func texts(values []attr.Value) []string {
	var texts []string
	for _, value := range values {
		texts = append(texts, value.(types.String).ValueString())
	}
	return texts
}
