package analysis

import (
	"fmt"
	"strings"

	networking "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pkg/config/host"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

// Gateway finds the parts of a stored gateway that have no effect, or another effect than it seems.
func Gateway(r Reader, gateway *networking.Gateway) (findings []engine.Finding) {
	p := ask(r, gateway.Namespace, question{namespaces: []string{gateway.Namespace}})
	us := nameOf(gateway)
	return p.said(p.on(gateway, nil), func(v view) (findings []engine.Finding) {
		servers := v.Servers()
		for i, server := range gateway.Spec.Servers {
			ours := mesh.Server{Gateway: us, Index: i}
			field := at("spec.servers[%d]", i)
			for _, other := range servers {
				if other.Gateway == us || other.Port != server.GetPort().GetNumber() || other.Bind != server.GetBind() {
					continue
				}
				it := quoted("Gateway", other.Gateway)
				if !v.Serves(ours) {
					findings = append(findings, engine.Finding{
						Field:   field,
						Summary: fmt.Sprintf("%s serves port %d instead of %s", it, other.Port, quoted("Gateway", us)),
						Detail: fmt.Sprintf("Both use the same proxies, which cannot serve both servers on that port: the hosts are the same, or the protocols "+
							"conflict. Istio serves the older one. Give %s another port, other hosts or its own selector.", quoted("Gateway", us)),
					})
					break
				}
				if same := host.NewNames(bare(server.GetHosts())).Intersection(host.NewNames(bare(other.Hosts))); len(same) > 0 && v.Serves(other) {
					findings = append(findings, engine.Finding{
						Field:   field + ".hosts",
						Summary: fmt.Sprintf("%s and %s have the same host on the same port and proxies", quoted("Gateway", us), it),
						Detail: fmt.Sprintf("Both serve %s on port %d: the virtual services of both handle requests for it, those of the older gateway first. "+
							"Remove one, or give each its own selector.", list(same), other.Port),
					})
				}
			}
		}
		return findings
	})
}

// bare returns the hosts without their namespaces.
func bare(hosts []string) (all []string) {
	for _, h := range hosts {
		if _, after, ok := strings.Cut(h, "/"); ok {
			h = after
		}
		all = append(all, h)
	}
	return all
}

// servedBy formats the hosts of a gateway for a message.
func servedBy(gateway *networking.Gateway) string {
	var hosts []string
	for _, server := range gateway.Spec.Servers {
		hosts = append(hosts, server.GetHosts()...)
	}
	return list(hosts)
}
