package engine

import (
	"fmt"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// fresh marks, in the private state, an object that this run has imported.
const fresh = "imported"

// GenerateResourceConfig returns the configuration of an imported object: the part of its state that a configuration can have. Terraform calls
// it since 1.14. Older versions generate the configuration themselves and omit empty strings.
func (k *Kind) GenerateResourceConfig(req *tfprotov6.GenerateResourceConfigRequest) (*tfprotov6.GenerateResourceConfigResponse, error) {
	state, err := k.unmarshal(req.State)
	if err != nil {
		return nil, err
	}
	config := maps.Clone(state)
	for i := range k.Attributes().Fields {
		f := &k.Attributes().Fields[i]
		if f.Computed && !f.Configurable {
			delete(config, f.JSON)
		}
	}
	for name, value := range k.Defaults {
		if equal(config[name], value(state.string(attrNamespace), state.string(attrName))) {
			delete(config, name)
		}
	}
	generated, err := k.marshal(config)
	return &tfprotov6.GenerateResourceConfigResponse{Config: generated}, err
}

// forgotten finds empty strings of an imported object that its configuration lacks: Terraform omits them when it generates the configuration, and
// the apply would remove them.
func (k *Kind) forgotten(private private, prior, config values) (diags diag.Diagnostics) {
	if private[fresh] == nil {
		return nil
	}
	for _, at := range emptied(k.Spec, prior, config, path.Empty()) {
		diags.AddAttributeError(at, "The configuration of an imported object is missing an empty string",
			fmt.Sprintf("The object has an empty string at %s. Terraform omits it from generated configuration, so the apply would remove it. Set it to "+
				"\"\" here. To remove it, import the object first and then plan again.", at))
	}
	return diags
}

// emptied returns the strings that are empty in prior and null in config.
func emptied(m *spec.Message, prior, config map[string]any, at path.Path) (found []path.Path) {
	for i := range m.Fields {
		f := &m.Fields[i]
		was, is, here := prior[f.JSON], config[f.JSON], at.AtName(f.Name)
		if is == spec.Unknown {
			continue
		}
		if was == "" && is == nil {
			found = append(found, here)
		}
		if f.Message == nil {
			continue
		}
		switch f.Collection {
		case spec.List:
			before, _ := was.([]any)
			after, _ := is.([]any)
			for i := range min(len(before), len(after)) {
				if after[i] != spec.Unknown {
					found = append(found, emptied(f.Message, mapOf(before[i]), mapOf(after[i]), here.AtListIndex(i))...)
				}
			}
		case spec.Map:
			after := mapOf(is)
			for key, before := range mapOf(was) {
				if given, ok := after[key]; ok && given != spec.Unknown {
					found = append(found, emptied(f.Message, mapOf(before), mapOf(given), here.AtMapKey(key))...)
				}
			}
		default:
			if is != nil {
				found = append(found, emptied(f.Message, mapOf(was), mapOf(is), here)...)
			}
		}
	}
	return found
}
