package mesh

import (
	"fmt"

	"istio.io/api/networking/v1alpha3"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/serviceregistry/kube"
	"istio.io/istio/pilot/pkg/serviceregistry/provider"
	"istio.io/istio/pkg/config/constants"
	"istio.io/istio/pkg/config/host"
	"istio.io/istio/pkg/config/labels"
	"istio.io/istio/pkg/config/protocol"
	"istio.io/istio/pkg/config/visibility"
	"istio.io/istio/pkg/util/sets"
	kubelabels "k8s.io/apimachinery/pkg/labels"
)

// registry contains the services of a mesh. Pods of proxies are not in it.
type registry struct {
	model.NetworkGatewaysHandler
	services []*model.Service
}

var _ model.ServiceDiscovery = (*registry)(nil)

func newRegistry(o Objects, endpoints *model.EndpointIndex) *registry {
	r := &registry{}
	shard := model.ShardKey{Cluster: cluster, Provider: provider.Kubernetes}
	for _, s := range o.Services {
		service := kube.ConvertService(*s, nil, Domain, cluster, constants.DefaultClusterLocalDomain)
		r.services = append(r.services, service)
		if len(s.Spec.Selector) > 0 {
			endpoints.UpdateServiceEndpoints(shard, string(service.Hostname), s.Namespace, selected(o, s.Namespace, s.Spec.Selector, service.Ports), false)
		}
	}
	shard.Provider = provider.External
	all := map[string][]*model.IstioEndpoint{} // several entries in a namespace can have the same host
	for _, e := range o.ServiceEntries {
		for _, service := range external(e) {
			r.services = append(r.services, service)
			all[service.Key()] = append(all[service.Key()], given(o, e, service)...)
			endpoints.UpdateServiceEndpoints(shard, string(service.Hostname), e.Namespace, all[service.Key()], false)
		}
	}
	return r
}

// cluster is the name of the only cluster.
const cluster = constants.DefaultClusterName

// selected returns the endpoints of the pods with these labels.
func selected(o Objects, namespace string, selector map[string]string, ports model.PortList) (all []*model.IstioEndpoint) {
	for _, pod := range o.Pods[namespace] {
		if !kubelabels.SelectorFromSet(selector).Matches(pod) {
			continue
		}
		for _, port := range ports {
			all = append(all, endpoint(namespace, fmt.Sprintf("10.%d.%d.%d", len(all)>>16&255, len(all)>>8&255, len(all)&255), port, labels.Instance(pod)))
		}
	}
	return all
}

func endpoint(namespace, address string, port *model.Port, labels labels.Instance) *model.IstioEndpoint {
	return &model.IstioEndpoint{
		Addresses: []string{address}, EndpointPort: uint32(port.Port), ServicePortName: port.Name, Labels: labels, Namespace: namespace,
	}
}

// resolutions maps the resolutions of service entries (see convertServices in pilot/pkg/serviceregistry/serviceentry, which requires a
// Kubernetes client).
var resolutions = map[v1alpha3.ServiceEntry_Resolution]model.Resolution{
	v1alpha3.ServiceEntry_NONE:            model.Passthrough,
	v1alpha3.ServiceEntry_STATIC:          model.ClientSideLB,
	v1alpha3.ServiceEntry_DNS:             model.DNSLB,
	v1alpha3.ServiceEntry_DNS_ROUND_ROBIN: model.DNSRoundRobinLB,
	v1alpha3.ServiceEntry_DYNAMIC_DNS:     model.DynamicDNS,
}

// external returns the services of a service entry, one for each host and address.
func external(e *networking.ServiceEntry) (all []*model.Service) {
	var ports model.PortList
	for _, p := range e.Spec.Ports {
		ports = append(ports, &model.Port{Name: p.GetName(), Port: int(p.GetNumber()), Protocol: protocol.Parse(p.GetProtocol())})
	}
	exportTo := sets.New[visibility.Instance]()
	for _, to := range e.Spec.ExportTo {
		exportTo.Insert(visibility.Instance(to))
	}
	addresses := e.Spec.Addresses
	if len(addresses) == 0 {
		addresses = []string{constants.UnspecifiedIP}
	}
	for _, h := range e.Spec.Hosts {
		for _, address := range addresses {
			all = append(all, &model.Service{
				Hostname: host.Name(h), DefaultAddress: address, Ports: ports, Resolution: resolutions[e.Spec.Resolution],
				CreationTime: e.CreationTimestamp.Time, MeshExternal: e.Spec.Location == v1alpha3.ServiceEntry_MESH_EXTERNAL,
				Attributes: model.ServiceAttributes{
					ServiceRegistry: provider.External, Name: h, Namespace: e.Namespace, Labels: e.Labels, ExportTo: exportTo,
					LabelSelectors: e.Spec.GetWorkloadSelector().GetLabels(), K8sAttributes: model.K8sAttributes{ObjectName: e.Name},
				},
			})
		}
	}
	return all
}

// given returns the endpoints of a service entry: its own, those of selected pods or, with DNS, the host itself.
func given(o Objects, e *networking.ServiceEntry, service *model.Service) (all []*model.IstioEndpoint) {
	if e.Spec.WorkloadSelector != nil {
		return selected(o, e.Namespace, e.Spec.WorkloadSelector.GetLabels(), service.Ports)
	}
	for _, port := range service.Ports {
		for _, w := range e.Spec.Endpoints {
			all = append(all, endpoint(e.Namespace, w.GetAddress(), port, w.GetLabels()))
		}
		if len(e.Spec.Endpoints) == 0 && (service.Resolution == model.DNSLB || service.Resolution == model.DNSRoundRobinLB) {
			all = append(all, endpoint(e.Namespace, string(service.Hostname), port, nil))
		}
	}
	return all
}

func (r *registry) Services() []*model.Service { return r.services }

func (r *registry) GetService(name host.Name) *model.Service {
	for _, s := range r.services {
		if s.Hostname == name {
			return s
		}
	}
	return nil
}

func (r *registry) GetProxyServiceTargets(*model.Proxy) []model.ServiceTarget { return nil }
func (r *registry) GetProxyWorkloadLabels(p *model.Proxy) labels.Instance     { return p.Labels }
func (r *registry) NetworkGateways() []model.NetworkGateway                   { return nil }
func (r *registry) MCSServices() []model.MCSServiceInfo                       { return nil }
