package analysis_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"istio.io/api/networking/v1alpha3"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pkg/config/host"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/magneticio/terraform-provider-lamia/internal/analysis"
	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

// add converts an object that was read from the API server, and adds it.
func (c *objects) add(live *unstructured.Unstructured) error {
	switch live.GetKind() {
	case "Gateway":
		return converted(&c.gateways, live)
	case "VirtualService":
		return converted(&c.virtualServices, live)
	case "DestinationRule":
		return converted(&c.destinationRules, live)
	case "ServiceEntry":
		return converted(&c.serviceEntries, live)
	case "Sidecar":
		return converted(&c.sidecars, live)
	}
	return converted(&c.services, live)
}

func converted[T any](to *[]*T, live *unstructured.Unstructured) error {
	o, err := analysis.Convert[T](live)
	*to = append(*to, o)
	return err
}

// destinationsOf returns the destinations of a virtual service, by field.
func destinationsOf(vs *networking.VirtualService) map[string]*v1alpha3.Destination {
	all := map[string]*v1alpha3.Destination{}
	for i, rule := range vs.Spec.Http {
		for k, r := range rule.Route {
			all[fmt.Sprintf("http[%d].route[%d].destination", i, k)] = r.Destination
		}
		if rule.Mirror != nil {
			all[fmt.Sprintf("http[%d].mirror", i)] = rule.Mirror
		}
	}
	for i, rule := range vs.Spec.Tls {
		for k, r := range rule.Route {
			all[fmt.Sprintf("tls[%d].route[%d].destination", i, k)] = r.Destination
		}
	}
	for i, rule := range vs.Spec.Tcp {
		for k, r := range rule.Route {
			all[fmt.Sprintf("tcp[%d].route[%d].destination", i, k)] = r.Destination
		}
	}
	return all
}

var (
	onlyOne = regexp.MustCompile(`Proxies in namespace "([^"]+)" follow only DestinationRule "([^"]+)"\. They ignore DestinationRule "([^"]+)"`)
	merged  = regexp.MustCompile(`For proxies in namespace "([^"]+)" Istio merges them`)
	taken   = regexp.MustCompile(`serves port (\d+) instead of`)
)

// destinationRule checks findings by the subsets that istiod serves. Each rule has a subset with the rule's name.
func (j *judge) destinationRule(ctx context.Context, dr *networking.DestinationRule, findings []engine.Finding) error {
	h := mesh.Host(dr.Spec.Host, dr.Namespace)
	labels := dr.Spec.GetWorkloadSelector().GetMatchLabels()
	has := func(namespace, rule string) (found bool, err error) {
		c, err := j.config(ctx, mesh.Proxy{Namespace: namespace, Labels: labels})
		if err != nil {
			return false, err
		}
		for name := range c.Clusters {
			cluster, ok := mesh.ClusterOf(name)
			found = found || ok && cluster.Host.SubsetOf(h) && cluster.Subset == rule[strings.LastIndex(rule, "/")+1:]
		}
		return found, nil
	}
	for _, f := range findings {
		switch {
		case strings.Contains(f.Summary, "which does not exist"):
			there := false
			for _, namespace := range j.namespaces {
				c, err := j.config(ctx, mesh.Proxy{Namespace: namespace})
				if err != nil {
					return err
				}
				there = there || len(c.Ports(h)) > 0
			}
			j.claim("destination rules for a host that does not exist", !there, dr, f)
		case strings.Contains(f.Summary, "are for the same host"):
			for _, said := range onlyOne.FindAllStringSubmatch(f.Detail, -1) {
				winner, err := has(said[1], said[2])
				if err != nil {
					return err
				}
				loser, err := has(said[1], said[3])
				if err != nil {
					return err
				}
				j.claim("destination rules that another goes before", winner && !loser, dr, f)
			}
			for _, said := range merged.FindAllStringSubmatch(f.Detail, -1) {
				for _, name := range regexp.MustCompile(`DestinationRule "([^"]+)"`).FindAllStringSubmatch(f.Summary, 2) {
					ok, err := has(said[1], name[1])
					if err != nil {
						return err
					}
					j.claim("destination rules that are merged", ok, dr, f)
				}
			}
		default:
			return fmt.Errorf("nothing checks %+v", f)
		}
	}
	return nil
}

// gateway checks findings by the rules of virtual services that have this gateway only.
func (j *judge) gateway(ctx context.Context, gateway *networking.Gateway, findings []engine.Finding) error {
	g, err := j.proxies(ctx, gateway, nil)
	if err != nil {
		return err
	}
	us := gateway.Namespace + "/" + gateway.Name
	for _, f := range findings {
		server := gateway.Spec.Servers[indexIn(strings.TrimSuffix(f.Field, ".hosts"))]
		port := int(server.Port.Number)
		served := func(c *mesh.Config) bool {
			return slices.ContainsFunc(c.Rules(), func(s mesh.Served) bool {
				return s.Port == port && slices.ContainsFunc(j.known.virtualServices, func(vs *networking.VirtualService) bool {
					return vs.Name == s.VirtualService.Name && vs.Namespace == s.VirtualService.Namespace && slices.Equal(vs.Spec.Gateways, []string{us}) &&
						len(host.NamesForNamespace(server.Hosts, vs.Namespace).Intersection(host.NewNames(vs.Spec.Hosts))) > 0
				})
			})
		}
		switch {
		case taken.MatchString(f.Summary):
			alone := slices.IndexFunc(gateway.Spec.Servers, func(other *v1alpha3.Server) bool { return other != server && other.Port.Number == server.Port.Number }) < 0
			j.claim("servers of a gateway that another gateway replaces", !alone || g.say(func(c *mesh.Config) bool { return !served(c) }), gateway, f)
		case strings.Contains(f.Summary, "have the same host on the same port and proxies"):
			j.claim("gateways for the same proxies, port and host", g.say(func(c *mesh.Config) bool {
				return slices.Contains(c.RouteNames(), fmt.Sprint("http.", port)) || port != 80
			}), gateway, f)
		default:
			return fmt.Errorf("nothing checks %+v", f)
		}
	}
	return nil
}
