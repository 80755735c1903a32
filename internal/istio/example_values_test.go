package istio_test

import "fmt"

// choice is one way to fill a message: with these values, without these attributes, and never without those that it needs.
type choice struct {
	with           object
	without, needs []string
}

// choices are the ways to fill a message where not every combination of its attributes means something to istiod, by the end of its path.
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
}

var prefixMatch = []any{object{"uri": object{"prefix": "/old"}}}

// refused are the attributes that istiod refuses, whatever their value, with an object that is otherwise right.
var refused = []struct {
	leaf, kind string
	attributes object
	message    string
}{
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
}

func choicesAt(path string) []choice {
	if c := lookup(choices, path); c != nil {
		return c
	}
	return []choice{{}}
}

// values are examples of attributes for which not every value means something to istiod, by the end of their path.
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
	"destination_subnets":         {[]any{"10.0.0.0/8"}},
	"source_subnet":               {"10.1.0.0/16"},
}

// numbered are n names.
func numbered(prefix string, n int) (names []any) {
	for i := range n {
		names = append(names, fmt.Sprint(prefix, i))
	}
	return names
}

func valuesAt(path string) []any { return lookup(values, path) }
