package engine

import (
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// moved marks, in the private state, that another resource wrote the labels and annotations, even if the UID is unknown.
const moved = "moved"

// Taken is an object that another resource has managed until now.
type Taken struct {
	Namespace, Name, UID string
	Labels, Annotations  map[string]string
	Spec                 map[string]any // a tree of the kind's spec
}

// MoveResourceState returns the state of a resource for an object that another resource has managed. Terraform refreshes it next.
func (k *Kind) MoveResourceState(o Taken) (*tfprotov6.MoveResourceStateResponse, error) {
	state := values{attrNamespace: o.Namespace, attrName: o.Name, attrID: id(o.Namespace, o.Name)}
	if o.UID != "" {
		state[attrUID] = o.UID
	}
	state.set(keyLabels, stringMap(o.Labels))
	state.set(keyAnnotations, stringMap(o.Annotations))
	for i := range k.Spec.Fields {
		name := k.Spec.Fields[i].JSON
		state.set(name, o.Spec[name])
	}
	p := private{moved: []byte("true")}
	for name := range k.Defaults {
		if len(mapOf(state[name])) == 0 {
			state[name], p[bare] = map[string]any{}, []byte("true")
		}
	}
	resp := &tfprotov6.MoveResourceStateResponse{}
	var err error
	if resp.TargetPrivate, err = p.marshal(nil); err != nil {
		return nil, err
	}
	if resp.TargetState, err = k.marshal(state); err != nil {
		return nil, err
	}
	resp.TargetIdentity, err = identify(state)
	return resp, err
}
