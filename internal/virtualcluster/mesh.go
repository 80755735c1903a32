package virtualcluster

import (
	"slices"

	"istio.io/api/label"
)

// mesh describes how the pods of a namespace take part in the mesh.
type mesh struct {
	Mode     string  `tfsdk:"mode"`
	Revision *string `tfsdk:"revision"`
}

// The modes of a mesh.
const (
	sidecar = "sidecar"
	ambient = "ambient"
	none    = "none"
)

const (
	injectionLabel   = "istio-injection" // older than Istio's list of labels, which lacks it
	injectionEnabled = "enabled"
	// defaultRevision is the name or tag of the revision that istio-injection=enabled selects.
	defaultRevision = "default"
)

// uninjected are the namespaces that Istio's injector ignores (pkg/kube/inject/initializer.go in istio.io/istio).
var uninjected = []string{"kube-system", "kube-public", "kube-node-lease", "local-path-storage"}

// uncaptured is the namespace that ambient mode ignores (manifests/charts/istio-cni in istio.io/istio).
const uncaptured = "kube-system"

// membership returns the meaning of a namespace's labels for its pods. Labels of the pods can override it.
//
// It follows the selectors of the injector's webhooks (manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml in
// istio.io/istio): istio-injection with any value overrides istio.io/rev, and a pod with a sidecar does not join ambient mode
// (cni/pkg/util/podutil.go).
func membership(namespace string, labels map[string]string) mesh {
	revision := labels[label.IoIstioRev.Name]
	if injection, ok := labels[injectionLabel]; ok {
		revision = ""
		if injection == injectionEnabled {
			revision = defaultRevision
		}
	}
	switch {
	case revision != "" && !slices.Contains(uninjected, namespace):
		return mesh{Mode: sidecar, Revision: &revision}
	case labels[label.IoIstioDataplaneMode.Name] == ambient && namespace != uncaptured:
		return mesh{Mode: ambient}
	}
	return mesh{Mode: none}
}
