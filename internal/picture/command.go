package picture

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/magneticio/terraform-provider-lamia/internal/manifest"
	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
	"github.com/magneticio/terraform-provider-lamia/internal/routing"
)

const usage = `usage: terraform-provider-lamia draw [FILE]

Draws gateways, virtual services and where they route to, as a Mermaid flowchart. The objects come from a Terraform state or plan, or from
Kubernetes manifests, in FILE or on the standard input:

  terraform show -json | terraform-provider-lamia draw
  terraform show -json FILE.tfplan | terraform-provider-lamia draw
  kubectl get gateways.networking.istio.io,vs,dr,se,services --all-namespaces -o yaml | terraform-provider-lamia draw

What routes name and the objects do not include is marked as not found.
`

// Run runs the command draw. It returns the exit code.
func Run(args []string, in io.Reader, out, complaints io.Writer) int {
	if len(args) > 1 || len(args) == 1 && strings.HasPrefix(args[0], "-") {
		fmt.Fprint(complaints, usage)
		return 2
	}
	var content []byte
	var err error
	if len(args) == 1 {
		content, err = os.ReadFile(args[0])
	} else {
		content, err = io.ReadAll(in)
	}
	var objects mesh.Objects
	if err == nil {
		objects, err = read(content)
	}
	if err == nil {
		_, err = io.WriteString(out, Draw(objects))
	}
	if err != nil {
		fmt.Fprintln(complaints, err)
		return 1
	}
	return 0
}

// module is a part of the output of terraform show -json.
type module struct {
	Resources []struct {
		Type   string
		Values map[string]any
	}
	ChildModules []module `json:"child_modules"`
}

func read(content []byte) (o mesh.Objects, err error) {
	var shown struct {
		FormatVersion string `json:"format_version"`
		Values        struct {
			Root module `json:"root_module"`
		}
		PlannedValues struct {
			Root module `json:"root_module"`
		} `json:"planned_values"`
	}
	if json.Unmarshal(content, &shown) == nil && shown.FormatVersion != "" {
		return o, errors.Join(shown.Values.Root.add(&o), shown.PlannedValues.Root.add(&o))
	}
	found, problems := manifest.ReadAll(string(content))
	for _, p := range problems {
		err = errors.Join(err, errors.New(p.String()))
	}
	for _, m := range found {
		if kind := routing.Kinds()[m.Type]; kind != nil {
			err = errors.Join(err, routing.AddObject(&o, kind, metav1.ObjectMeta{Namespace: m.Namespace, Name: m.Name}, m.Spec))
		}
	}
	return o, err
}

func (m module) add(o *mesh.Objects) (err error) {
	for _, r := range m.Resources {
		if kind := routing.Kinds()[strings.TrimPrefix(r.Type, "lamia_")]; kind != nil && strings.HasPrefix(r.Type, "lamia_") {
			if problem := routing.AddResource(o, kind, valueOf(r.Values)); problem != nil {
				err = errors.Join(err, fmt.Errorf("%s %v: %w", r.Type, r.Values["name"], problem))
			}
		}
	}
	for _, child := range m.ChildModules {
		err = errors.Join(err, child.add(o))
	}
	return err
}

// valueOf converts a JSON value to a Terraform value, without nulls, because a plan has null for unknown values.
func valueOf(v any) tftypes.Value {
	switch v := v.(type) {
	case string:
		return tftypes.NewValue(tftypes.String, v)
	case bool:
		return tftypes.NewValue(tftypes.Bool, v)
	case float64:
		return tftypes.NewValue(tftypes.Number, big.NewFloat(v))
	case []any:
		elementTypes, elements := []tftypes.Type{}, []tftypes.Value{}
		for _, e := range v {
			if e != nil {
				value := valueOf(e)
				elementTypes, elements = append(elementTypes, value.Type()), append(elements, value)
			}
		}
		return tftypes.NewValue(tftypes.Tuple{ElementTypes: elementTypes}, elements)
	case map[string]any:
		attributeTypes, attributes := map[string]tftypes.Type{}, map[string]tftypes.Value{}
		for name, e := range v {
			if e != nil {
				value := valueOf(e)
				attributeTypes[name], attributes[name] = value.Type(), value
			}
		}
		return tftypes.NewValue(tftypes.Object{AttributeTypes: attributeTypes}, attributes)
	}
	return tftypes.NewValue(tftypes.DynamicPseudoType, nil)
}
