package istio_test

import (
	"fmt"
	"strings"
)

// choice is a way to fill a message: with these values, without these attributes, and with others in every object.
type choice struct {
	with           object
	without, needs []string
}

// choices are the ways to fill messages for which istiod rejects some combinations of attributes, by the end of their path.
var choices = map[string][]choice{
	"servers.tls": {
		{with: object{"mode": "MUTUAL"}, without: []string{"credential_name", "credential_names", "tls_certificates"}},
		{with: object{"mode": "SIMPLE"}, without: []string{"ca_crl", "server_certificate", "private_key", "credential_names", "tls_certificates"}},
		{with: object{"mode": "SIMPLE"}, without: []string{"ca_crl", "server_certificate", "private_key", "credential_name", "tls_certificates"}},
		{with: object{"mode": "SIMPLE"}, without: []string{"ca_crl", "server_certificate", "private_key", "credential_name", "credential_names"}},
	},
	"VirtualService.http": {
		{needs: []string{"route"}, without: []string{"redirect", "direct_response", "delegate", "mirrors"}},
		{needs: []string{"route"}, without: []string{"redirect", "direct_response", "delegate", "mirror", "mirror_percent", "mirror_percentage"}},
		{with: object{"match": prefixMatch}, needs: []string{"match", "redirect"}, without: []string{"route", "direct_response", "delegate", "fault", "rewrite", "mirrors"}},
		{needs: []string{"direct_response"}, without: []string{"route", "redirect", "delegate", "fault", "rewrite", "mirrors"}},
		{needs: []string{"delegate"}, without: []string{"route", "redirect", "direct_response", "mirrors"}},
	},
	"http.redirect": {
		{without: []string{"prefix_rewrite"}},
		{without: []string{"uri"}},
	},
	"http.rewrite": {
		{without: []string{"uri_regex_rewrite"}},
		{without: []string{"uri"}},
	},
	"fault.abort": {{without: []string{"http2_error"}}},
	"fault.delay": {{without: []string{"exponential_delay"}}},
	"traffic_policy": {
		{without: []string{"tunnel"}},
		{without: []string{"proxy_protocol", "connection_pool", "load_balancer", "outlier_detection", "tls", "port_level_settings", "retry_budget"}},
	},
	"port_level_settings": {{needs: []string{"port"}}},
	"load_balancer":       {{without: []string{"zone_aware_lb_setting"}}, {without: []string{"locality_lb_setting"}}},
	"locality_lb_setting": {{without: []string{"failover"}}, {without: []string{"distribute"}}},
	"consistent_hash":     {{without: []string{"minimum_ring_size"}}, {without: []string{"ring_hash", "maglev"}}},
	"ServiceEntry": {
		{with: object{"resolution": "STATIC"}, without: []string{"workload_selector"}},
		{with: object{"resolution": "STATIC"}, without: []string{"endpoints"}},
	},
	"Sidecar.ingress":      {{without: []string{"tls"}}, {with: object{"port": httpsPort}, needs: []string{"tls"}}},
	"Sidecar.ingress.port": {{without: []string{"target_port"}}},
	"Sidecar.ingress.tls": {
		{with: object{"mode": "MUTUAL"}, without: []string{"credential_name", "credential_names", "tls_certificates", "https_redirect", "subject_alt_names"}},
	},
	"Sidecar.egress.port": {{without: []string{"target_port"}}},
	"WorkloadGroup.probe": {{without: []string{"grpc"}}},
	"config_patches":      {{needs: []string{"patch"}}},
	"config_patches.match": {
		{with: object{"context": "WAYPOINT"}, without: []string{"listener", "route_configuration", "cluster"}},
		{with: object{"context": "GATEWAY"}, without: []string{"waypoint", "route_configuration", "cluster"}},
		{with: object{"context": "GATEWAY"}, without: []string{"waypoint", "listener", "cluster"}},
		{with: object{"context": "GATEWAY"}, without: []string{"waypoint", "listener", "route_configuration"}},
	},
	"AuthorizationPolicy": {
		{with: object{"action": "DENY"}, without: []string{"selector", "target_ref", "extension_provider"}},
		{with: object{"action": "DENY"}, without: []string{"selector", "target_refs", "extension_provider"}},
		{with: object{"action": "CUSTOM", "rules": []any{object{}}}, needs: []string{"extension_provider"}, without: []string{"target_ref", "target_refs"}},
	},
	"rules.from.source": {
		{without: []string{"service_accounts", "not_service_accounts"}},
		{without: []string{"principals", "not_principals", "namespaces", "not_namespaces"}},
	},
	"target_ref":            {{without: []string{"namespace"}}},
	"target_refs":           {{without: []string{"namespace"}}},
	"RequestAuthentication": targeted,
	"Telemetry":             targeted,
	"WasmPlugin":            targeted,
	"TrafficExtension":      targeted,
	"EnvoyFilter":           targeted,
	"jwt_rules":             {{without: []string{"jwks"}}, {without: []string{"jwks_uri"}}},
	"tag_overrides":         {{with: object{"operation": "UPSERT"}}, {with: object{"operation": "REMOVE"}, without: []string{"value"}}},
}

// targeted are the ways to select workloads in policies, of which only one is allowed at a time.
var targeted = []choice{
	{without: []string{"selector", "workload_selector", "target_ref"}}, {without: []string{"selector", "workload_selector", "target_refs"}},
	{without: []string{"target_ref", "target_refs"}},
}

var httpsPort = object{"number": 8443, "name": "https", "protocol": "HTTPS"}

var prefixMatch = []any{object{"uri": object{"prefix": "/old"}}}

// refused are attributes that istiod rejects with any value, in objects that are otherwise valid.
var refused = append([]refusal{
	{
		leaf: "Gateway.servers.port.target_port", kind: "Gateway", message: `targetPort\s+has\s+no\s+impact\s+on\s+Gateways`,
		attributes: object{"servers": []any{object{
			"port": object{"number": 80, "name": "http", "protocol": "HTTP", "target_port": 8080}, "hosts": []any{"a.example.com"},
		}}},
	},
	{
		leaf: "VirtualService.http.fault.abort.http2_error", kind: "VirtualService", message: `HTTP/2\s+abort\s+fault\s+injection\s+not\s+supported\s+yet`,
		attributes: object{"hosts": []any{"a.example.com"}, "http": []any{object{
			"route": []any{object{"destination": object{"host": "a"}}}, "fault": object{"abort": object{"http2_error": "REFUSED_STREAM"}},
		}}},
	},
	{
		leaf: "VirtualService.http.fault.delay.exponential_delay", kind: "VirtualService", message: `exponentialDelay\s+not\s+supported\s+yet`,
		attributes: object{"hosts": []any{"a.example.com"}, "http": []any{object{
			"route": []any{object{"destination": object{"host": "a"}}}, "fault": object{"delay": object{"exponential_delay": "1s"}},
		}}},
	},
	{
		leaf: "Sidecar.egress.port.target_port", kind: "Sidecar", message: `targetPort\s+has\s+no\s+impact\s+on\s+Sidecars`,
		attributes: object{"egress": []any{object{"port": object{"number": 80, "name": "http", "protocol": "HTTP", "target_port": 81}, "hosts": []any{"./*"}}}},
	},
	{
		leaf: "Sidecar.ingress.port.target_port", kind: "Sidecar", message: `targetPort\s+has\s+no\s+impact\s+on\s+Sidecars`,
		attributes: object{"ingress": []any{object{
			"port": object{"number": 80, "name": "http", "protocol": "HTTP", "target_port": 81}, "default_endpoint": "127.0.0.1:8080",
		}}},
	},
	inSidecar("credential_name", "a", `credentialName\s+is\s+not\s+currently\s+supported`),
	inSidecar("credential_names", []any{"a"}, `credentialNames\s+is\s+not\s+currently\s+supported`),
	inSidecar("https_redirect", true, `httpsRedirect\s+is\s+not\s+supported`),
	inSidecar("subject_alt_names", []any{"a"}, `subjectAltNames\s+is\s+not\s+supported`),
	inSidecar("tls_certificates.server_certificate", "a", `tls_certificates\s+is\s+not\s+currently\s+supported`),
	inSidecar("tls_certificates.private_key", "a", `tls_certificates\s+is\s+not\s+currently\s+supported`),
	inSidecar("tls_certificates.ca_certificates", "a", `tls_certificates\s+is\s+not\s+currently\s+supported`),
	probe("port", 80), probe("service", "a"),
}, elsewhere("AuthorizationPolicy", "EnvoyFilter", "RequestAuthentication", "Telemetry", "TrafficExtension", "WasmPlugin")...)

type refusal struct {
	leaf, kind string
	attributes object
	message    string
}

// inSidecar sets an attribute of the TLS settings of a Sidecar.
func inSidecar(name string, value any, message string) refusal {
	tls := object{"mode": "SIMPLE", "server_certificate": "a", "private_key": "b", name: value}
	if _, member, nested := strings.Cut(name, "."); nested {
		delete(tls, name)
		tls["tls_certificates"] = []any{object{member: value}}
	}
	return refusal{"Sidecar.ingress.tls." + name, "Sidecar", object{"ingress": []any{object{
		"port": httpsPort, "default_endpoint": "127.0.0.1:8080", "tls": tls,
	}}}, message}
}

// probe sets an attribute of a gRPC probe, which istiod does not know.
func probe(name string, value any) refusal {
	return refusal{"WorkloadGroup.probe.grpc." + name, "WorkloadGroup", object{
		"template": object{"service_account": "a"}, "probe": object{"grpc": object{name: value}},
	}, `unknown\s+health\s+check\s+method`}
}

// elsewhere returns policies whose targets are in another namespace.
func elsewhere(kinds ...string) (all []refusal) {
	target := object{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "a", "namespace": "b"}
	for _, kind := range kinds {
		attributes := map[string]any{"target_refs": []any{target}}
		if kind != "EnvoyFilter" && kind != "TrafficExtension" {
			attributes["target_ref"] = target
		}
		for name, value := range attributes {
			o := object{name: value}
			if kind == "WasmPlugin" {
				o["url"] = "a"
			}
			all = append(all, refusal{kind + "." + name + ".namespace", kind, o, `cross\s+namespace\s+referencing\s+is\s+not`})
		}
	}
	return all
}

func choicesAt(path string) []choice {
	if c := lookup(choices, path); c != nil {
		return c
	}
	return []choice{{}}
}

// values are examples for attributes for which istiod rejects some values, by the end of their path.
var values = map[string][]any{
	"hosts": {[]any{"a.example.com"}},
	"servers.port": {
		object{"number": 8441, "name": "https-1", "protocol": "HTTPS"},
		object{"number": 8442, "name": "https-2", "protocol": "HTTPS"},
		object{"number": 8443, "name": "https-3", "protocol": "HTTPS"},
		object{"number": 8444, "name": "https-4", "protocol": "HTTPS"},
	},
	"servers.bind":                {"10.0.0.1"},
	"allow_methods":               {[]any{"GET"}},
	"http_status":                 {503},
	"grpc_status":                 {"UNAVAILABLE"},
	"direct_response.status":      {503},
	"retry_on":                    {"5xx,gateway-error"},
	"redirect_code":               {308},
	"redirect.scheme":             {"https"},
	"DestinationRule.export_to":   {[]any{"."}},
	"subsets.name":                numbered("subset", 24),
	"addresses":                   {[]any{"10.2.0.1"}},
	"ServiceEntry.ports.protocol": {"HTTP"},
	"endpoints.address":           {"10.2.0.2"},
	"endpoints.ports":             {object{"example": 8080}},
	"h2_upgrade_policy":           {"DO_NOT_UPGRADE"},
	"failover.from":               {"us-east"},
	"failover.to":                 {"us-west"},
	"distribute.from":             {"us-east/zone1/*"},
	"distribute.to":               {object{"us-east/zone1/*": 80, "us-west/zone2/*": 20}},
	"tunnel.protocol":             {"CONNECT"},
	"sni_hosts":                   {[]any{"a.example.com"}},
	"Sidecar.ingress.port":        {object{"number": 8080, "name": "http", "protocol": "HTTP"}},
	"Sidecar.egress.port":         {object{"number": 8081, "name": "http", "protocol": "HTTP"}},
	"Sidecar.egress.hosts":        {[]any{"./*"}},
	"Sidecar.ingress.bind":        {"10.0.0.1"},
	"Sidecar.egress.bind":         {"10.0.0.1"},
	"default_endpoint":            {"127.0.0.1:8080"},
	"http_get.scheme":             {"HTTP"},
	"config_patches.apply_to":     {"HTTP_FILTER", "HTTP_FILTER", "VIRTUAL_HOST", "CLUSTER"}, // in the order of the ways to match
	"patch.operation":             {"MERGE"},
	"patch.value":                 {bufferFilter, bufferFilter, `{"name":"example"}`, `{"name":"example"}`},
	"filter_chain.filter.name":    {"envoy.filters.network.http_connection_manager"},
	"source.ip_blocks":            {[]any{"10.0.0.0/8"}},
	"source.not_ip_blocks":        {[]any{"10.1.0.0/16"}},
	"source.remote_ip_blocks":     {[]any{"10.0.0.0/8"}},
	"source.not_remote_ip_blocks": {[]any{"10.1.0.0/16"}},
	"operation.ports":             {[]any{"8080"}},
	"operation.not_ports":         {[]any{"8081"}},
	"when.key":                    {"request.headers[x-user]"},
	"target_ref.group":            {"gateway.networking.k8s.io"},
	"target_ref.kind":             {"Gateway"},
	"target_refs.group":           {"gateway.networking.k8s.io"},
	"target_refs.kind":            {"Gateway"},
	"port_level_mtls":             {object{"8080": object{"mode": "STRICT"}}},
	"jwks_uri":                    {"https://example.com/jwks"},
	"jwks":                        {`{"keys":[{"kty":"RSA","e":"AQAB","n":"` + strings.Repeat("xAE7", 86) + `"}]}`},
	"vm_config.env":               {[]any{object{"name": "A", "value_from": "HOST"}, object{"name": "B", "value_from": "INLINE", "value": "x"}}},
	"sha256":                      {strings.Repeat("0123456789abcdef", 4)},
	"destination_subnets":         {[]any{"10.0.0.0/8"}},
	"source_subnet":               {"10.1.0.0/16"},
}

// bufferFilter has nested values.
const bufferFilter = `{"name":"buffer","typed_config":{"@type":"type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer","max_request_bytes":5}}`

// numbered returns n names.
func numbered(prefix string, n int) (names []any) {
	for i := range n {
		names = append(names, fmt.Sprint(prefix, i))
	}
	return names
}

func valuesAt(path string) []any { return lookup(values, path) }
