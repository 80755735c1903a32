package admission

import (
	"encoding/json"
	"fmt"

	"github.com/hashicorp/go-multierror"
	"google.golang.org/protobuf/proto"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/validation"
	"istio.io/istio/pkg/log"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// istiod checks objects like istiod's webhook.
type istiod struct {
	kind     config.GroupVersionKind
	message  proto.Message
	validate validation.ValidateFunc
}

// Istio's code also logs to standard output, which Terraform uses for the plugin protocol.
func init() { log.FindScope("validation").SetOutputLevel(log.NoneLevel) }

// check follows crd.ConvertObject and the webhook's validate of istio.io/istio.
func (i istiod) check(o *unstructured.Unstructured) (refused, warned []Finding) {
	spec := i.message.ProtoReflect().New().Interface()
	data, err := json.Marshal(o.Object["spec"])
	if err == nil {
		err = config.ApplyJSON(spec, string(data))
	}
	if err != nil {
		return []Finding{{Judge: Istiod, Message: fmt.Sprintf("error decoding configuration: %v", err)}}, nil
	}
	warning, err := i.validate(config.Config{
		Meta: config.Meta{
			GroupVersionKind: i.kind, Name: o.GetName(), Namespace: o.GetNamespace(), Domain: "cluster.local",
			Labels: o.GetLabels(), Annotations: o.GetAnnotations(),
		},
		Spec: spec,
	})
	return findings(err), findings(warning)
}

// findings splits an error into its parts, unless it adds words of its own to them.
func findings(err error) (all []Finding) {
	if err == nil {
		return nil
	}
	if parts, ok := any(err).(*multierror.Error); ok {
		for _, part := range parts.Errors {
			all = append(all, findings(part)...)
		}
		return all
	}
	return []Finding{{Judge: Istiod, Message: err.Error()}}
}
