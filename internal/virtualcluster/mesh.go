package virtualcluster

import (
	"slices"

	"istio.io/api/label"
)

// mesh is how the pods of a namespace take part in the mesh.
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
	injectionLabel   = "istio-injection" // older than Istio's list of labels, and not in it
	injectionEnabled = "enabled"
	// defaultRevision is the name or the tag of the revision that istio-injection=enabled means.
	defaultRevision = "default"
)

// uninjected are the namespaces whose pods Istio's injector lets pass (pkg/kube/inject/initializer.go in istio.io/istio).
var uninjected = []string{"kube-system", "kube-public", "kube-node-lease", "local-path-storage"}

// uncaptured is the namespace that the ambient mode leaves out (manifests/charts/istio-cni in istio.io/istio).
const uncaptured = "kube-system"

// membership tells what a namespace's labels mean for its pods, as far as no label of their own says otherwise.
//
// It follows the selectors of the injector's webhooks (manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml in
// istio.io/istio): istio-injection, whatever its value, makes istio.io/rev count for nothing, and a pod that has a sidecar stays out of the
// ambient mode (cni/pkg/util/podutil.go).
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
