package provider

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/kube"
	"github.com/magneticio/terraform-provider-lamia/internal/source"
)

const checkNames = "check_names"

// written gives access to the configuration files of this run.
type written struct {
	// read reads the configuration, and schemas requests the provider's schemas. Each does so only once.
	read    func() *source.Configuration
	schemas func() (*tfprotov6.GetProviderSchemaResponse, error)
	// silent is true if the provider block disables the check of names, or if names have been checked. Terraform validates everything before it
	// configures a provider.
	silent atomic.Bool
	said   sync.Map // blocks whose lost names were reported
	loses  sync.Map // by type, whether any of its blocks has lost names
}

func newWritten(folder string, server tfprotov6.ProviderServer) *written {
	return &written{
		read: sync.OnceValue(func() *source.Configuration {
			if folder == "" {
				return nil
			}
			return source.Read(folder)
		}),
		schemas: sync.OnceValues(func() (*tfprotov6.GetProviderSchemaResponse, error) {
			return server.GetProviderSchema(context.Background(), &tfprotov6.GetProviderSchemaRequest{})
		}),
	}
}

func (s server) ValidateProviderConfig(ctx context.Context, req *tfprotov6.ValidateProviderConfigRequest) (*tfprotov6.ValidateProviderConfigResponse, error) {
	wanted := true
	if check, ok := s.written.providerArgument(req.Config, checkNames); ok && check.IsNull() {
		if env, err := strconv.ParseBool(os.Getenv(checkNamesEnv)); err == nil {
			wanted = env
		}
	} else if ok && check.IsKnown() {
		_ = check.As(&wanted) // the schema has type bool
	}
	s.written.silent.Store(!wanted)
	checks := os.Getenv(offlineChecksEnv)
	if given, ok := s.written.providerArgument(req.Config, "offline_checks"); ok && given.IsKnown() && !given.IsNull() {
		_ = given.As(&checks) // the schema has type string
	}
	for _, k := range s.lamia.kinds { // Terraform validates resources before it configures the provider
		k.Use(engine.Settings{ClusterDomain: kube.DefaultClusterDomain, OfflineChecks: checks})
	}
	return s.protocol.ValidateProviderConfig(ctx, req)
}

func (s server) ConfigureProvider(ctx context.Context, req *tfprotov6.ConfigureProviderRequest) (*tfprotov6.ConfigureProviderResponse, error) {
	s.written.silent.Store(true)
	return s.protocol.ConfigureProvider(ctx, req)
}

func (s server) ValidateDataResourceConfig(ctx context.Context, req *tfprotov6.ValidateDataResourceConfigRequest) (*tfprotov6.ValidateDataResourceConfigResponse, error) {
	resp, err := &tfprotov6.ValidateDataResourceConfigResponse{}, error(nil)
	if s.single(req.TypeName) == nil {
		resp, err = s.protocol.ValidateDataResourceConfig(ctx, req)
	}
	if resp != nil {
		resp.Diagnostics = append(resp.Diagnostics, s.written.lostNames("data."+req.TypeName, req.Config)...)
		s.written.place(resp.Diagnostics, "data."+req.TypeName, req.Config)
	}
	return resp, err
}

func (w *written) providerArgument(config *tfprotov6.DynamicValue, name string) (tftypes.Value, bool) {
	schemas, err := w.schemas()
	if err != nil || config == nil {
		return tftypes.Value{}, false
	}
	value, err := config.Unmarshal(schemas.Provider.ValueType())
	var arguments map[string]tftypes.Value
	if err != nil || value.As(&arguments) != nil {
		return tftypes.Value{}, false
	}
	v, ok := arguments[name]
	return v, ok
}

// blocks returns the blocks that may have this configuration, and the type of their arguments. Types of data sources begin with "data.".
func (w *written) blocks(typeName string, config *tfprotov6.DynamicValue) ([]*source.Block, tftypes.Object) {
	value, object, ok := w.value(typeName, config)
	if !ok {
		return nil, object
	}
	return w.read().Find(typeName, value), object
}

// value decodes a resource or a data source from Terraform. It returns false if there is no configuration to compare it with.
func (w *written) value(typeName string, of *tfprotov6.DynamicValue) (value tftypes.Value, object tftypes.Object, ok bool) {
	if object, ok = w.object(typeName); !ok || of == nil {
		return value, object, false
	}
	value, err := of.Unmarshal(object)
	return value, object, err == nil
}

// object returns the type of the arguments. It returns false if there is no configuration to compare them with.
func (w *written) object(typeName string) (object tftypes.Object, ok bool) {
	schemas, err := w.schemas()
	if w.read() == nil || err != nil {
		return object, false
	}
	schema := schemas.ResourceSchemas[typeName]
	if name, ok := strings.CutPrefix(typeName, "data."); ok {
		schema = schemas.DataSourceSchemas[name]
	}
	if schema == nil {
		return object, false
	}
	object, ok = schema.ValueType().(tftypes.Object)
	return object, ok
}

// mayLose reports whether any block of the type has lost names.
func (w *written) mayLose(typeName string) bool {
	loses, known := w.loses.Load(typeName)
	if !known {
		object, ok := w.object(typeName)
		loses = ok && slices.ContainsFunc(w.read().Typed(typeName), func(b *source.Block) bool { return len(b.LostNames(object)) > 0 })
		w.loses.Store(typeName, loses)
	}
	return loses.(bool)
}

// claim sets the keys of labels and annotations of an imported object that are in its configuration, if it is certain which block that is.
// Terraform then manages these, and the first plan has no changes. The next refresh sets the values.
func (w *written) claim(imported *tfprotov6.ImportedResource) {
	state, object, ok := w.value(imported.TypeName, imported.State)
	var attributes map[string]tftypes.Value
	var namespace, name string
	if !ok || state.As(&attributes) != nil || attributes["namespace"].As(&namespace) != nil || attributes["name"].As(&name) != nil {
		return
	}
	blocks := w.read().Named(imported.TypeName, namespace, name)
	if len(blocks) != 1 {
		return
	}
	for _, argument := range []string{"labels", "annotations"} {
		keys := make(map[string]tftypes.Value)
		for _, key := range blocks[0].Keys(argument) {
			keys[key] = tftypes.NewValue(tftypes.String, "")
		}
		if len(keys) > 0 {
			attributes[argument] = tftypes.NewValue(object.AttributeTypes[argument], keys)
		}
	}
	if state, err := tfprotov6.NewDynamicValue(object, tftypes.NewValue(object, attributes)); err == nil {
		imported.State = &state
	}
}

// lostNames returns errors for names within arguments that the schema lacks. Terraform drops them silently: hashicorp/terraform#33570.
func (w *written) lostNames(typeName string, config *tfprotov6.DynamicValue) (diagnostics []*tfprotov6.Diagnostic) {
	if w.silent.Load() || !w.mayLose(typeName) {
		return nil
	}
	blocks, object := w.blocks(typeName, config)
	for _, b := range blocks {
		if _, said := w.said.LoadOrStore(b, true); said {
			continue
		}
		for _, l := range b.LostNames(object) {
			d := &tfprotov6.Diagnostic{Severity: tfprotov6.DiagnosticSeverityError, Summary: "Unsupported argument", Detail: unsupported(b, l)}
			if len(blocks) == 1 {
				d.Attribute = tftypes.NewAttributePath().WithAttributeName(l.Argument)
			}
			diagnostics = append(diagnostics, d)
		}
	}
	return diagnostics
}

func unsupported(b *source.Block, l source.Lost) string {
	advice := "Did you mean " + l.Nearest + "?"
	if l.Nearest == "" {
		advice = "Remove it, or use one of " + strings.Join(l.Names, ", ") + "."
	}
	return fmt.Sprintf("%s: %s in %s does not support an argument named %q, and Terraform drops it silently. %s",
		source.Position(l.At), l.In, b.Address, l.Name, advice)
}

// line returns where the value at a path is written, or "" if that is uncertain.
func (w *written) line(typeName string, config *tfprotov6.DynamicValue, path *tftypes.AttributePath) string {
	blocks, _ := w.blocks(typeName, config)
	if len(blocks) != 1 {
		return ""
	}
	at, ok := blocks[0].Place(path)
	if !ok {
		return ""
	}
	return "\n\nIt is written at " + source.Position(at) + "."
}

// place adds the nested attribute and the line of its value to the text of each diagnostic, and shortens the path to the attribute of the
// resource. For a longer path, Terraform would point to the resource block, which can have hundreds of attributes, or to an unrelated attribute
// with the same name as the last step.
func (w *written) place(diagnostics []*tfprotov6.Diagnostic, typeName string, config *tfprotov6.DynamicValue) {
	for _, d := range diagnostics {
		if d.Attribute == nil || len(d.Attribute.Steps()) < 2 {
			continue
		}
		line := w.line(typeName, config, d.Attribute)
		if at := pathString(d.Attribute); !strings.Contains(d.Detail, at) {
			d.Detail = "At " + at + ": " + d.Detail
		}
		d.Detail += line
		d.Attribute = tftypes.NewAttributePathWithSteps(d.Attribute.Steps()[:1])
	}
}

// pathString formats a path like the configuration, such as http[0].match[1].headers["x-user"].exact.
func pathString(path *tftypes.AttributePath) string {
	var b strings.Builder
	for i, step := range path.Steps() {
		switch s := step.(type) {
		case tftypes.AttributeName:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(string(s))
		case tftypes.ElementKeyInt:
			fmt.Fprintf(&b, "[%d]", int64(s))
		case tftypes.ElementKeyString:
			fmt.Fprintf(&b, "[%q]", string(s))
		}
	}
	return b.String()
}
