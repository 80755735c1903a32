package virtualcluster

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

// service is a Service.
type service struct {
	Name      string            `tfsdk:"name"`
	Labels    map[string]string `tfsdk:"labels"`
	Type      string            `tfsdk:"type"`
	Selector  map[string]string `tfsdk:"selector"`
	Ports     []servicePort     `tfsdk:"ports"`
	ClusterIP *string           `tfsdk:"cluster_ip"`
	Addresses []string          `tfsdk:"addresses"`
	Host      string            `tfsdk:"host"`
}

type servicePort struct {
	Name        *string `tfsdk:"name"`
	Port        int64   `tfsdk:"port"`
	TargetPort  string  `tfsdk:"target_port"`
	Protocol    string  `tfsdk:"protocol"`
	AppProtocol *string `tfsdk:"app_protocol"`
	NodePort    *int64  `tfsdk:"node_port"`
}

func newService(clusterDomain string) func(*unstructured.Unstructured) (service, error) {
	return func(live *unstructured.Unstructured) (service, error) {
		s, err := decode[corev1.Service](live)
		if err != nil {
			return service{}, err
		}
		converted := service{
			Name:      s.Name,
			Labels:    notNil(s.Labels),
			Type:      string(s.Spec.Type),
			Selector:  notNil(s.Spec.Selector),
			Ports:     []servicePort{},
			Addresses: append([]string{}, istio.Addresses(live)...),
			Host:      istio.Host(s.Name, s.Namespace, clusterDomain),
		}
		if s.Spec.ClusterIP != corev1.ClusterIPNone {
			converted.ClusterIP = orNull(s.Spec.ClusterIP)
		}
		for _, p := range s.Spec.Ports {
			port := servicePort{
				Name: orNull(p.Name), Port: int64(p.Port), TargetPort: p.TargetPort.String(),
				Protocol: string(cmp.Or(p.Protocol, corev1.ProtocolTCP)), AppProtocol: p.AppProtocol,
			}
			if p.NodePort != 0 {
				number := int64(p.NodePort)
				port.NodePort = &number
			}
			converted.Ports = append(converted.Ports, port)
		}
		return converted, nil
	}
}
