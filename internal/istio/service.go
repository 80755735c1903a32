package istio

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/magneticio/terraform-provider-lamia/internal/describe"
	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// Service returns the kind core/v1 Service, with the fields that routing needs. Kubernetes has no protobuf descriptors, so its fields are listed here, with
// the defaults of the API server (pkg/apis/core/v1/defaults.go and pkg/registry/core/service in k8s.io/kubernetes).
func Service() *engine.Kind {
	address := []string{"type", "clusterIP", "externalName", "metadata.annotations"} // annotations can move a load balancer
	const kind = "Service"
	return &engine.Kind{
		Type: "service",
		Description: "A Kubernetes Service: a stable name and address for the pods that match a selector. Virtual services and destination rules use its `host` " +
			"as their destination.",
		Reference:  "https://kubernetes.io/docs/concepts/services-networking/service/",
		DataSource: "An existing Kubernetes Service, whoever created it, with its `host`, its addresses and the values that Kubernetes filled in.",
		Resource:   corev1.SchemeGroupVersion.WithResource("services"),
		Kind:       kind,
		Spec:       serviceSpec,
		ValidName:  validation.IsDNS1035Label,
		Waiting:    waitForAddress,
		Relied:     losses[corev1.Service](kind),
		Uses: engine.Uses{Offers: func(o *unstructured.Unstructured) []engine.Offer {
			return []engine.Offer{{Host: string(mesh.Host(o.GetName(), o.GetNamespace()))}}
		}},
		Replaces: func(prior, planned map[string]any) []string {
			if changesClass(prior, planned, "ClusterIP") {
				return []string{"load_balancer_class"}
			}
			return nil
		},
		Computed: []engine.Computed{
			{
				Field: scalar("host", "host", spec.String, "The fully qualified name, such as "+
					"`svc-1.vamp-test1.svc.cluster.local`, known at plan. Unlike a short name, it refers to the same Service in every namespace."),
				Plan: func(namespace, name, domain string) any { return Host(name, namespace, domain) },
				Read: func(live engine.Stored) any { return Host(live.GetName(), live.GetNamespace(), live.ClusterDomain) },
			},
			{
				Field: scalar("cluster_ip", "cluster_ip", spec.String, "The IP address inside the cluster; null for a headless Service "+
					"and one of type `ExternalName`."),
				DependsOn: address,
				Null: func(planned map[string]any) bool {
					return planned["clusterIP"] == true || planned["type"] == "ExternalName"
				},
				Read: func(live engine.Stored) any {
					ip, _, _ := unstructured.NestedString(live.Object, "spec", "clusterIP")
					if ip == "" || ip == corev1.ClusterIPNone {
						return nil
					}
					return ip
				},
			},
			{
				Field: collection("addresses", "addresses", spec.List, spec.String, "The load balancer's IP addresses and host names, sorted; empty for types "+
					"other than `LoadBalancer`."),
				DependsOn: address,
				Read:      func(live engine.Stored) any { return listOf(Addresses(live.Unstructured)) },
			},
		},
	}
}

var serviceSpec = &spec.Message{Partial: true, OmitsEmpty: true, Fields: []spec.Field{
	{
		Name: "type", JSON: "type", Scalar: spec.Enum("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"), Filled: is("ClusterIP"),
		Field: describe.Field{Description: "How the Service is reached: `ClusterIP` (the default), inside the cluster; `NodePort`, also by a port on every " +
			"node; `LoadBalancer`, also by its own address; `ExternalName`, as an alias of `external_name`."},
	},
	{
		Name: "ports", JSON: "ports", Collection: spec.List, Message: servicePort,
		Field: describe.Field{Description: "The ports that the Service offers. A Service with more than one port names each."},
	},
	{
		Name: "selector", JSON: "selector", Collection: spec.Map, Scalar: spec.String,
		Field: describe.Field{Description: "Labels of the pods behind the Service. Without a selector, Kubernetes creates no endpoints."},
	},
	{
		Name: "headless", JSON: "clusterIP", Scalar: spec.Flag(corev1.ClusterIPNone), Filled: isNot(corev1.ClusterIPNone), Immutable: true,
		Field: describe.Field{Description: "Whether the Service has no cluster IP, so that its name resolves to the pods' addresses. Changing it replaces the Service."},
	},
	{
		Name: "external_name", JSON: "externalName", Scalar: spec.String,
		Field: describe.Field{Description: "The DNS name that the Service is an alias for. Only with type `ExternalName`."},
	},
	{
		Name: "session_affinity", JSON: "sessionAffinity", Scalar: spec.Enum("None", "ClientIP"), Filled: is("None"),
		Field: describe.Field{Description: "Whether a client always reaches the same pod (`ClientIP`); `None` by default. It applies to clients without an " +
			"Istio proxy; Istio proxies follow the `load_balancer` of a destination rule."},
	},
	{
		Name: "session_affinity_config", JSON: "sessionAffinityConfig", Message: messageOf[corev1.SessionAffinityConfig](), Filled: isDefaultAffinity,
		Field: describe.Field{Description: "How long `session_affinity` lasts. Three hours by default."},
	},
	{
		Name: "internal_traffic_policy", JSON: "internalTrafficPolicy", Scalar: spec.Enum("Cluster", "Local"), Filled: is("Cluster"),
		Field: describe.Field{Description: "Whether traffic from within the cluster may go to pods on other nodes (`Cluster`, the default) or to those on its own node only (`Local`)."},
	},
	{
		Name: "external_traffic_policy", JSON: "externalTrafficPolicy", Scalar: spec.Enum("Cluster", "Local"), Filled: is("Cluster"),
		Field: describe.Field{Description: "Whether traffic from outside may hop to pods on other nodes (`Cluster`, the default) or keeps the client's address (`Local`)."},
	},
	{
		Name: "traffic_distribution", JSON: "trafficDistribution", Scalar: spec.String,
		Field: describe.Field{Description: "Which pods traffic prefers, such as `PreferSameZone` or `PreferSameNode`. Istio follows it, too."},
	},
	{
		Name: "ip_families", JSON: "ipFamilies", Collection: spec.List, Scalar: spec.Enum("IPv4", "IPv6"), Filled: allocated,
		Field: describe.Field{Description: "The IP families of the Service's addresses. By default the cluster's primary one."},
	},
	{
		Name: "ip_family_policy", JSON: "ipFamilyPolicy", Scalar: spec.Enum("SingleStack", "PreferDualStack", "RequireDualStack"), Filled: allocated,
		Field: describe.Field{Description: "Whether the Service has addresses of one or two IP families. If you remove this attribute, the Service keeps its policy."},
	},
	{
		Name: "publish_not_ready_addresses", JSON: "publishNotReadyAddresses", Scalar: spec.Bool,
		Field: describe.Field{Description: "Whether the endpoints include pods that are not ready, for example so that the pods of a StatefulSet find each other."},
	},
	{
		Name: "load_balancer_class", JSON: "loadBalancerClass", Scalar: spec.String,
		Field: describe.Field{Description: "The load balancer implementation. Kubernetes does not allow changing it: changing it replaces the Service."},
	},
	{
		Name: "load_balancer_ip", JSON: "loadBalancerIP", Scalar: spec.String,
		Field: describe.Field{Description: "The address of the load balancer, if its implementation supports this field. Many use an annotation instead."},
	},
	{
		Name: "load_balancer_source_ranges", JSON: "loadBalancerSourceRanges", Collection: spec.List, Scalar: spec.String,
		Field: describe.Field{Description: "The client addresses, in CIDR notation, that the load balancer allows."},
	},
	{
		Name: "allocate_load_balancer_node_ports", JSON: "allocateLoadBalancerNodePorts", Scalar: spec.Bool, Filled: is(true),
		Field: describe.Field{Description: "Whether each port also gets a port on every node. `true` by default; many load balancers need none."},
	},
	{
		Name: "health_check_node_port", JSON: "healthCheckNodePort", Scalar: port, Filled: allocated,
		Field: describe.Field{Description: "The port on every node where the load balancer checks whether pods run there, with `external_traffic_policy = " +
			"\"Local\"`. By default Kubernetes chooses one."},
	},
	{
		Name: "external_ips", JSON: "externalIPs", Collection: spec.List, Scalar: spec.String,
		Field: describe.Field{Description: "Additional IP addresses for which nodes accept traffic."},
	},
}}

// isDefaultAffinity reports whether v is the API server's default for session affinity.
func isDefaultAffinity(v any, _ map[string]any) bool {
	config, _ := v.(map[string]any)
	seconds, _, _ := unstructured.NestedInt64(config, "clientIP", "timeoutSeconds")
	return seconds == int64(corev1.DefaultClientIPServiceAffinitySeconds)
}

// changesClass reports whether the class of a load balancer changes. Kubernetes allows that only together with a change of the type.
func changesClass(prior, planned map[string]any, defaultType string) bool {
	balanced := func(service map[string]any) bool {
		t, given := service["type"]
		return t == "LoadBalancer" || !given && defaultType == "LoadBalancer"
	}
	return balanced(prior) && balanced(planned) && prior["loadBalancerClass"] != planned["loadBalancerClass"]
}

var servicePort = &spec.Message{OmitsEmpty: true, Fields: []spec.Field{
	{
		Name: "name", JSON: "name", Scalar: spec.String,
		Field: describe.Field{Description: "The name of the port. Istio takes the protocol from it, as in `http-web`, unless `app_protocol` is set."},
	},
	{
		Name: "port", JSON: "port", Scalar: port, Required: true,
		Field: describe.Field{Description: "The number that clients connect to, 1 to 65535."},
	},
	{
		Name: "target_port", JSON: "targetPort", Scalar: spec.IntOrString, Filled: samePort,
		Field: describe.Field{Description: "The pods' port, by number or name. By default the same as `port`."},
	},
	{
		Name: "protocol", JSON: "protocol", Scalar: spec.Enum("TCP", "UDP", "SCTP"), Filled: is("TCP"),
		Field: describe.Field{Description: "`TCP` (the default), `UDP` or `SCTP`."},
	},
	{
		Name: "app_protocol", JSON: "appProtocol", Scalar: spec.String,
		Field: describe.Field{Description: "The application's protocol, such as `http`, `http2`, `grpc` or `tcp`."},
	},
	{
		Name: "node_port", JSON: "nodePort", Scalar: port, Filled: allocated,
		Field: describe.Field{Description: "The port on every node, for the types `NodePort` and `LoadBalancer`. By default Kubernetes chooses one."},
	},
}}

var port = spec.Integer(1, 65535)

func is(value any) func(any, map[string]any) bool {
	return func(v any, _ map[string]any) bool { return v == value }
}

func isNot(value any) func(any, map[string]any) bool {
	return func(v any, _ map[string]any) bool { return v != value }
}

func samePort(v any, in map[string]any) bool { return v == in["port"] }

func allocated(any, map[string]any) bool { return true }

// waitForAddress returns what a load balancer without an address waits for, or "".
func waitForAddress(live *unstructured.Unstructured) string {
	if t, _, _ := unstructured.NestedString(live.Object, "spec", "type"); t != string(corev1.ServiceTypeLoadBalancer) || len(Addresses(live)) > 0 {
		return ""
	}
	return "an address of its load balancer (check that the cluster has a load balancer controller)"
}

// Addresses returns the IP addresses and host names of a Service's load balancer, sorted.
func Addresses(live *unstructured.Unstructured) (addresses []string) {
	ingress, _, _ := unstructured.NestedSlice(live.Object, "status", "loadBalancer", "ingress")
	for _, i := range ingress {
		for _, key := range []string{"ip", "hostname"} {
			if s, ok := i.(map[string]any)[key].(string); ok && s != "" {
				addresses = append(addresses, s)
			}
		}
	}
	slices.Sort(addresses)
	return addresses
}

// Host returns the fully qualified name of a Service.
func Host(service, namespace, clusterDomain string) string {
	return service + "." + namespace + ".svc." + clusterDomain
}

// listOf returns a list of strings as a value of package spec.
func listOf(all []string) []any {
	list := make([]any, len(all))
	for i, s := range all {
		list[i] = s
	}
	return list
}
