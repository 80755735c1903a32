package provider

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/kube"
	"github.com/magneticio/terraform-provider-lamia/internal/manifest"
)

// movable reads the manifest of an object from the state of another resource, by its provider and type.
var movable = map[string]func(state []byte) (text, namespace, uid string, err error){
	"hashicorp/kubernetes kubernetes_manifest": fromKubernetesManifest,
	"gavinbunney/kubectl kubectl_manifest":     fromKubectlManifest,
	"alekc/kubectl kubectl_manifest":           fromKubectlManifest,
}

// MoveResourceState moves an object from a resource of another provider, for a moved block. It sends no request to the cluster.
func (s server) MoveResourceState(ctx context.Context, req *tfprotov6.MoveResourceStateRequest) (*tfprotov6.MoveResourceStateResponse, error) {
	k := s.resources[req.TargetTypeName]
	read := movable[sourceOf(req)]
	if k == nil || read == nil || req.SourceState == nil {
		return s.protocol.MoveResourceState(ctx, req)
	}
	taken, problem := take(k, read, req.SourceState.JSON)
	if problem != "" {
		return &tfprotov6.MoveResourceStateResponse{Diagnostics: []*tfprotov6.Diagnostic{{
			Severity: tfprotov6.DiagnosticSeverityError,
			Summary:  fmt.Sprintf("The %s cannot be moved to a %s", req.SourceTypeName, req.TargetTypeName),
			Detail:   problem + "\n\nNothing was changed. Remove the moved block, or change the resource at its old address first.",
		}}}, nil
	}
	return k.MoveResourceState(taken)
}

// sourceOf returns the provider, without its registry, and the type of the resource to move.
func sourceOf(req *tfprotov6.MoveResourceStateRequest) string {
	address := strings.Split(req.SourceProviderAddress, "/")
	return strings.Join(address[max(0, len(address)-2):], "/") + " " + req.SourceTypeName
}

// take returns the only object of a state, or an error message.
func take(k *engine.Kind, read func([]byte) (text, namespace, uid string, err error), state []byte) (engine.Taken, string) {
	text, namespace, uid, err := read(state)
	if err != nil {
		return engine.Taken{}, fmt.Sprintf("Its state cannot be read: %s.", err)
	}
	objects, problems := manifest.Read(text)
	if len(problems) > 0 {
		var lines []string
		for _, p := range problems {
			lines = append(lines, p.Text)
		}
		return engine.Taken{}, "Its manifest has problems:\n" + strings.Join(lines, "\n")
	}
	if len(objects) != 1 {
		var names []string
		for _, o := range objects {
			names = append(names, o.Kind.Kind+" "+o.Name)
		}
		return engine.Taken{}, fmt.Sprintf("It has %d objects (%s), but a resource manages only one.", len(objects), strings.Join(names, ", "))
	}
	o := objects[0]
	if o.Type != k.Type {
		return engine.Taken{}, fmt.Sprintf("It is a %s, which needs a %s_%s.", o.Kind.Kind, typeName, o.Type)
	}
	return engine.Taken{
		Namespace: cmp.Or(namespace, o.Namespace, kube.DefaultNamespace), Name: o.Name, UID: uid,
		Labels: o.Labels, Annotations: o.Annotations, Spec: o.Spec,
	}, ""
}

// dynamic reads a value of dynamic type in a state.
type dynamic struct {
	Value any `json:"value"`
}

func fromKubernetesManifest(state []byte) (text, namespace, uid string, err error) {
	var attributes struct {
		Manifest, Object dynamic
	}
	if err := json.Unmarshal(state, &attributes); err != nil {
		return "", "", "", err
	}
	written, err := json.Marshal(stripNulls(attributes.Manifest.Value))
	if err != nil {
		return "", "", "", err
	}
	object, _ := attributes.Object.Value.(map[string]any)
	metadata, _ := object["metadata"].(map[string]any)
	uid, _ = metadata["uid"].(string)
	return string(written), "", uid, nil
}

func stripNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if member == nil {
				delete(v, name)
			} else {
				v[name] = stripNulls(member)
			}
		}
	case []any:
		for i := range v {
			v[i] = stripNulls(v[i])
		}
	}
	return v
}

func fromKubectlManifest(state []byte) (text, namespace, uid string, err error) {
	var attributes struct {
		YAML      string `json:"yaml_body"`
		Override  string `json:"override_namespace"`
		UID       string `json:"uid"`
		Namespace string `json:"namespace"`
	}
	err = json.Unmarshal(state, &attributes)
	return attributes.YAML, cmp.Or(attributes.Override, attributes.Namespace), attributes.UID, err
}
