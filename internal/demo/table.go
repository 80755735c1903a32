package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	networking "istio.io/api/networking/v1alpha3"
	istio "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// object is an object in the cluster, with lines that describe it.
type object struct {
	kind            string
	namespace, name string
	says            []string
}

// kinds are the kinds of objects to show, in the order in which a request passes them.
var kinds = []struct {
	name     string
	resource schema.GroupVersionResource
	says     func(*unstructured.Unstructured) ([]string, error)
}{
	{"Gateway", istio.SchemeGroupVersion.WithResource("gateways"), typed(gatewaySays)},
	{"ServiceEntry", istio.SchemeGroupVersion.WithResource("serviceentries"), typed(serviceEntrySays)},
	{"VirtualService", istio.SchemeGroupVersion.WithResource("virtualservices"), typed(virtualServiceSays)},
	{"DestinationRule", istio.SchemeGroupVersion.WithResource("destinationrules"), typed(destinationRuleSays)},
	{"Service", corev1.SchemeGroupVersion.WithResource("services"), typed(serviceSays)},
}

// typed adapts a function for a typed object to stored objects.
func typed[T any](says func(*T) []string) func(*unstructured.Unstructured) ([]string, error) {
	return func(stored *unstructured.Unstructured) ([]string, error) {
		content, err := stored.MarshalJSON()
		if err != nil {
			return nil, err
		}
		var object T
		if err := json.Unmarshal(content, &object); err != nil {
			return nil, err
		}
		return says(&object), nil
	}
}

// objects returns all objects of the kinds in the namespaces.
func objects(ctx context.Context, client dynamic.Interface, namespaces []string) ([]object, error) {
	var objects []object
	for _, namespace := range namespaces {
		for _, kind := range kinds {
			list, err := client.Resource(kind.resource).Namespace(namespace).List(ctx, metav1.ListOptions{})
			if err != nil {
				return nil, fmt.Errorf("%s objects of namespace %s: %w", kind.name, namespace, err)
			}
			for _, stored := range list.Items {
				says, err := kind.says(&stored)
				if err != nil {
					return nil, fmt.Errorf("%s %s/%s: %w", kind.name, namespace, stored.GetName(), err)
				}
				objects = append(objects, object{kind.name, namespace, stored.GetName(), says})
			}
		}
	}
	return objects, nil
}

// table prints objects as a table.
func table(out io.Writer, objects []object) error {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "  KIND\tNAME\tSAYS")
	for _, o := range objects {
		kind, name := o.kind, o.namespace+"/"+o.name
		for _, line := range o.says {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", kind, name, line)
			kind, name = "", ""
		}
	}
	return w.Flush()
}

func gatewaySays(g *istio.Gateway) (says []string) {
	for _, server := range g.Spec.Servers {
		for _, host := range server.Hosts {
			says = append(says, fmt.Sprintf("%s, port %d %s", host, server.Port.Number, server.Port.Protocol))
		}
	}
	return says
}

func serviceEntrySays(e *istio.ServiceEntry) (says []string) {
	for _, host := range e.Spec.Hosts {
		for _, port := range e.Spec.Ports {
			says = append(says, fmt.Sprintf("%s, port %d %s", host, port.Number, port.Protocol))
		}
	}
	return says
}

func virtualServiceSays(v *istio.VirtualService) []string {
	where := " in the mesh"
	if len(v.Spec.Gateways) > 0 {
		where = " at " + strings.Join(v.Spec.Gateways, ", ")
	}
	says := []string{strings.Join(v.Spec.Hosts, ", ") + where}
	for _, http := range v.Spec.Http {
		says = append(says, "  "+httpRouteSays(http))
	}
	return says
}

func httpRouteSays(r *networking.HTTPRoute) string {
	var says strings.Builder
	for _, match := range r.Match {
		fmt.Fprintf(&says, "%s* ", match.Uri.GetPrefix())
	}
	for _, route := range r.Route {
		fmt.Fprintf(&says, "→ %s", route.Destination.Host)
		if port := route.Destination.Port; port != nil {
			fmt.Fprintf(&says, ":%d", port.Number)
		}
		if subset := route.Destination.Subset; subset != "" {
			fmt.Fprintf(&says, " %s", subset)
		}
		if route.Weight != 0 {
			fmt.Fprintf(&says, ", weight %d", route.Weight)
		}
	}
	if r.Rewrite != nil {
		fmt.Fprintf(&says, ", as %s", r.Rewrite.Uri)
	}
	if retries := r.Retries; retries != nil {
		fmt.Fprintf(&says, ", %d retries of %s each", retries.Attempts, retries.PerTryTimeout.AsDuration())
	}
	return says.String()
}

func destinationRuleSays(r *istio.DestinationRule) []string {
	var subsets []string
	for _, subset := range r.Spec.Subsets {
		subsets = append(subsets, subset.Name)
	}
	return []string{r.Spec.Host + ": " + strings.Join(subsets, ", ")}
}

func serviceSays(s *corev1.Service) (says []string) {
	for _, ingress := range s.Status.LoadBalancer.Ingress {
		says = append(says, "address "+ingress.IP+ingress.Hostname)
	}
	for _, port := range s.Spec.Ports {
		says = append(says, fmt.Sprintf("port %d → %s of pods with %s", port.Port, port.TargetPort.String(), labels.FormatLabels(s.Spec.Selector)))
	}
	return says
}
