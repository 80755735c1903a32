package manifest

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math/big"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/json"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

const usage = `usage: terraform-provider-lamia convert FILE...

Writes Terraform configuration for the Kubernetes objects in YAML or JSON files ("-" is the standard input): a resource for each
and the import block by which Terraform takes the object over from the cluster. What has no resource or no attribute is reported
with its line, and its object left out.
`

// Convert runs the command convert. It returns the exit code, which is 1 if something was left out.
func Convert(args []string, in io.Reader, out, complaints io.Writer) int {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") && args[0] != "-" {
		fmt.Fprint(complaints, usage)
		return 2
	}
	code := 0
	labels := make(map[string]bool)
	for _, name := range args {
		content, err := read(name, in)
		if err != nil {
			fmt.Fprintln(complaints, err)
			code = 1
			continue
		}
		objects, problems := Read(string(content))
		for _, p := range problems {
			fmt.Fprintf(complaints, "%s:%d: %s\n", name, p.Line, p.Text)
			code = 1
		}
		if _, err := out.Write(HCL(objects, labels)); err != nil {
			fmt.Fprintln(complaints, err)
			return 1
		}
	}
	return code
}

func read(name string, in io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(in)
	}
	return os.ReadFile(name)
}

// HCL returns the configuration of objects, with import blocks. labels are labels of resources that are already taken.
func HCL(objects []Object, labels map[string]bool) []byte {
	f := hclwrite.NewEmptyFile()
	for _, o := range objects {
		namespace := cmp.Or(o.Namespace, "default")
		typ := "lamia_" + o.Type
		label := free(typ, label(o.Name), label(namespace+"_"+o.Name), labels)

		block := f.Body().AppendNewBlock("import", nil).Body()
		block.SetAttributeTraversal("to", hcl.Traversal{hcl.TraverseRoot{Name: typ}, hcl.TraverseAttr{Name: label}})
		block.SetAttributeValue("id", cty.StringVal(namespace+"/"+o.Name))
		f.Body().AppendNewline()

		block = f.Body().AppendNewBlock("resource", []string{typ, label}).Body()
		block.SetAttributeValue("namespace", cty.StringVal(namespace))
		block.SetAttributeValue("name", cty.StringVal(o.Name))
		if len(o.Labels) > 0 {
			block.SetAttributeRaw("labels", stringsTokens(o.Labels))
		}
		if len(o.Annotations) > 0 {
			block.SetAttributeRaw("annotations", stringsTokens(o.Annotations))
		}
		first := true
		for i := range o.Kind.Spec.Fields {
			f := &o.Kind.Spec.Fields[i]
			v, ok := o.Spec[f.JSON]
			if !ok {
				continue
			}
			if first {
				block.AppendNewline()
				first = false
			}
			block.SetAttributeRaw(f.Name, fieldTokens(f, v))
		}
		f.Body().AppendNewline()
	}
	return hclwrite.Format(f.Bytes())
}

var illegal = regexp.MustCompile(`[^a-z0-9_-]+`)

// label derives a resource's label from an object's name.
func label(name string) string {
	l := illegal.ReplaceAllString(strings.ToLower(name), "_")
	if !hclsyntax.ValidIdentifier(l) {
		l = "_" + l
	}
	return l
}

// free returns the first of these labels that no other resource of the type has, and reserves it.
func free(typ, short, long string, taken map[string]bool) string {
	label := short
	for n := 2; taken[typ+"."+label]; n++ {
		if label = long; taken[typ+"."+label] {
			label = fmt.Sprintf("%s_%d", long, n)
		}
	}
	taken[typ+"."+label] = true
	return label
}

func fieldTokens(f *spec.Field, v any) hclwrite.Tokens {
	switch v := v.(type) {
	case []any:
		all := make([]hclwrite.Tokens, len(v))
		for i, element := range v {
			all[i] = elementTokens(f, element)
		}
		return hclwrite.TokensForTuple(all)
	case map[string]any:
		if f.Collection != spec.Map {
			break
		}
		var attributes []hclwrite.ObjectAttrTokens
		for _, key := range slices.Sorted(maps.Keys(v)) {
			attributes = append(attributes, hclwrite.ObjectAttrTokens{Name: keyTokens(key), Value: elementTokens(f, v[key])})
		}
		return hclwrite.TokensForObject(attributes)
	}
	return elementTokens(f, v)
}

func elementTokens(f *spec.Field, v any) hclwrite.Tokens {
	object, ok := v.(map[string]any)
	if text, isText := v.(string); isText && f.Message == nil && f.Scalar.JSON {
		return jsonTokens(text)
	}
	if !ok {
		return hclwrite.TokensForValue(scalar(v))
	}
	var attributes []hclwrite.ObjectAttrTokens
	for i := range f.Message.Fields {
		f := &f.Message.Fields[i]
		if v, ok := object[f.JSON]; ok {
			attributes = append(attributes, hclwrite.ObjectAttrTokens{Name: hclwrite.TokensForIdentifier(f.Name), Value: fieldTokens(f, v)})
		}
	}
	return hclwrite.TokensForObject(attributes)
}

// jsonTokens returns a call to jsonencode.
func jsonTokens(text string) hclwrite.Tokens {
	var v json.SimpleJSONValue
	if err := v.UnmarshalJSON([]byte(text)); err != nil { // the API server stores only objects
		return hclwrite.TokensForValue(cty.StringVal(text))
	}
	return hclwrite.TokensForFunctionCall("jsonencode", hclwrite.TokensForValue(v.Value))
}

func stringsTokens(m map[string]string) hclwrite.Tokens {
	var attributes []hclwrite.ObjectAttrTokens
	for _, key := range slices.Sorted(maps.Keys(m)) {
		attributes = append(attributes, hclwrite.ObjectAttrTokens{Name: keyTokens(key), Value: hclwrite.TokensForValue(cty.StringVal(m[key]))})
	}
	return hclwrite.TokensForObject(attributes)
}

// keyTokens returns the key of a map, in quotes unless it is a plain identifier.
func keyTokens(key string) hclwrite.Tokens {
	if hclsyntax.ValidIdentifier(key) && key != "for" {
		return hclwrite.TokensForIdentifier(key)
	}
	return hclwrite.TokensForValue(cty.StringVal(key))
}

func scalar(v any) cty.Value {
	switch v := v.(type) {
	case string:
		return cty.StringVal(v)
	case bool:
		return cty.BoolVal(v)
	case int64:
		return cty.NumberIntVal(v)
	case float64: // as a decimal, as written
		return cty.MustParseNumberVal(strconv.FormatFloat(v, 'g', -1, 64))
	case *big.Float:
		return cty.NumberVal(v)
	}
	return cty.NullVal(cty.DynamicPseudoType)
}
