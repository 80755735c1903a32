package kube

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Object identifies an object in requests and errors.
type Object struct {
	Resource  schema.GroupVersionResource // such as networking.istio.io/v1 virtualservices
	Kind      string                      // such as "VirtualService"
	Namespace string
	Name      string
}

// String returns a text such as `VirtualService "vamp-test1/vs-1"`.
func (o Object) String() string {
	if o.Namespace == "" {
		return fmt.Sprintf("%s %q", o.Kind, o.Name)
	}
	return fmt.Sprintf("%s %q", o.Kind, o.Namespace+"/"+o.Name)
}
