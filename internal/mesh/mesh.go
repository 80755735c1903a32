// Package mesh runs Istio's own translation: with istiod's code (istio.io/istio/pilot), it translates the objects of a cluster to the
// configuration that istiod would send to a proxy. It is wired like pilot/pkg/networking/core/fake.go, without the parts for tests.
//
// It translates lazily.
package mesh

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"sync"

	meshapi "istio.io/api/mesh/v1alpha1"
	"istio.io/api/networking/v1alpha3"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pilot/pkg/config/memory"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking/core"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/constants"
	meshconfig "istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/mesh/meshwatcher"
	"istio.io/istio/pkg/config/schema/collection"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/gvk"
	"istio.io/istio/pkg/kube/krt"
	"istio.io/istio/pkg/log"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Domain is the part after <service>.<namespace>.svc in the name of a Service.
const Domain = constants.DefaultClusterLocalDomain

// Settings are the settings of Istio's MeshConfig that matter here. The zero value means Istio's defaults.
type Settings struct {
	RootNamespace string   // its DestinationRules and Sidecars apply to all namespaces
	ExportTo      []string // default of Services, virtual services and destination rules
}

// Root returns the root namespace.
func (s Settings) Root() string { return cmp.Or(s.RootNamespace, constants.IstioSystemNamespace) }

// config returns a MeshConfig with these settings.
func (s Settings) config() *meshapi.MeshConfig {
	c := meshconfig.DefaultMeshConfig()
	c.RootNamespace = s.Root()
	c.DefaultServiceExportTo, c.DefaultVirtualServiceExportTo, c.DefaultDestinationRuleExportTo = s.ExportTo, s.ExportTo, s.ExportTo
	return c
}

// Objects are the known objects of a cluster. They are never changed.
type Objects struct {
	Settings
	Gateways         []*networking.Gateway
	VirtualServices  []*networking.VirtualService
	DestinationRules []*networking.DestinationRule
	ServiceEntries   []*networking.ServiceEntry
	Sidecars         []*networking.Sidecar
	Services         []*corev1.Service
	Pods             map[string][]labels.Set // by namespace
}

// Mesh is a control plane with these objects.
type Mesh struct {
	env  *model.Environment
	push *model.PushContext
	core *core.ConfigGeneratorImpl

	mu      sync.Mutex
	proxies map[string]*Config
}

// quiet stops pilot from logging to standard output, which Terraform uses, and from keeping what it has translated in memory.
var quiet = sync.OnceFunc(func() {
	for _, scope := range log.Scopes() {
		scope.SetOutputLevel(log.NoneLevel)
	}
	krt.GlobalDebugHandler = nil // it would keep everything that was ever translated
})

// New returns the mesh of these objects.
func New(o Objects) (m *Mesh, err error) {
	quiet()
	defer recovered(&err)
	store := memory.MakeSkipValidation(collection.SchemasFor(
		collections.Gateway, collections.VirtualService, collections.DestinationRule, collections.Sidecar))
	for _, c := range o.configs() {
		if _, err := store.Create(c); err != nil {
			return nil, fmt.Errorf("%s %s/%s: %w", c.GroupVersionKind.Kind, c.Namespace, c.Name, err)
		}
	}
	controller := memory.NewController(store)
	stop := make(chan struct{})
	defer close(stop) // configurations are computed from the push context, which no longer changes
	go controller.Run(stop)

	env := model.NewEnvironment()
	env.Watcher = meshwatcher.NewTestWatcher(o.config())
	env.NetworksWatcher = meshwatcher.NewFixedNetworksWatcher(nil)
	env.ConfigStore = controller
	env.ServiceDiscovery = newRegistry(o, env.EndpointIndex)
	env.VirtualServiceController = model.NewVirtualServiceController(controller,
		model.VSControllerOptions{}, env.Watcher)
	go env.VirtualServiceController.Run(stop)
	env.Init()
	env.VirtualServiceController.Collection().WaitUntilSynced(stop)
	if err := env.InitNetworksManager(model.NewEndpointIndexUpdater(env.EndpointIndex)); err != nil {
		return nil, err
	}
	env.PushContext().InitContext(env, nil, nil)
	return &Mesh{env: env, push: env.PushContext(), core: core.NewConfigGenerator(&model.DisabledCache{}), proxies: map[string]*Config{}}, nil
}

// recovered converts a panic of pilot to an error. What pilot cannot translate is unknown.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("pilot panics: %v", r)
	}
}

// configs converts Istio's objects for pilot. Pilot changes some of them, so it gets copies.
func (o Objects) configs() (all []config.Config) {
	add := func(kind config.GroupVersionKind, meta metav1.Object, spec config.Spec) {
		all = append(all, config.Config{Meta: config.Meta{
			GroupVersionKind: kind, Name: meta.GetName(), Namespace: meta.GetNamespace(), Domain: Domain,
			Labels: meta.GetLabels(), Annotations: meta.GetAnnotations(), CreationTimestamp: meta.GetCreationTimestamp().Time,
		}, Spec: spec})
	}
	for _, o := range o.Gateways {
		spec := o.Spec.DeepCopy()
		for i, server := range spec.Servers {
			server.Name = strconv.Itoa(i)
		}
		add(gvk.Gateway, o, spec)
	}
	for _, o := range o.VirtualServices {
		spec := o.Spec.DeepCopy()
		mark(spec)
		for i, h := range spec.Hosts {
			spec.Hosts[i] = string(Host(h, o.Namespace))
		}
		for d := range Destinations(spec) {
			d.Host = string(Host(d.Host, o.Namespace))
		}
		add(gvk.VirtualService, o, spec)
	}
	for _, o := range o.DestinationRules {
		spec := o.Spec.DeepCopy()
		spec.Host = string(Host(spec.Host, o.Namespace))
		add(gvk.DestinationRule, o, spec)
	}
	for _, o := range o.Sidecars {
		add(gvk.Sidecar, o, o.Spec.DeepCopy())
	}
	return all
}

// mark makes the rules of a virtual service recognizable in pilot's output. A route gets the indices of its rule and match as its name. A
// connection has the name of the virtual service in its statistics, because pilot adds that if there are several destinations. [Config] reads
// both.
func mark(vs *v1alpha3.VirtualService) {
	for i, rule := range vs.GetHttp() {
		rule.Name = strconv.Itoa(i)
		for j, match := range rule.GetMatch() {
			match.Name = strconv.Itoa(j)
		}
	}
	for _, rule := range vs.GetTls() {
		rule.Route = several(rule.GetRoute())
	}
	for _, rule := range vs.GetTcp() {
		rule.Route = several(rule.GetRoute())
	}
}

// several repeats a single destination, so that there are at least two.
func several(routes []*v1alpha3.RouteDestination) []*v1alpha3.RouteDestination {
	if len(routes) != 1 {
		return routes
	}
	half := &v1alpha3.RouteDestination{Destination: routes[0].GetDestination(), Weight: 1}
	return slices.Repeat([]*v1alpha3.RouteDestination{half}, 2)
}
