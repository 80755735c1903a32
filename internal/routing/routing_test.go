package routing_test

import (
	"encoding/json"

	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
	"github.com/magneticio/terraform-provider-lamia/internal/routing"
)

const objects = `
gateways:
- {metadata: {namespace: a, name: gw}, spec: {selector: {istio: x}, servers: [
    {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']},
    {port: {number: 443, name: tls, protocol: TLS}, hosts: ['*'], tls: {mode: PASSTHROUGH}}, {port: {number: 3306, name: tcp, protocol: TCP}, hosts: ['*']}]}}
services:
- {metadata: {namespace: a, name: svc}, spec: {ports: [{name: http, port: 80}]}}
- {metadata: {namespace: a, name: db}, spec: {ports: [{name: tcp, port: 3306}]}}
destinationRules:
- {metadata: {namespace: a, name: dr}, spec: {host: svc, subsets: [{name: v1}, {name: v2}]}}
virtualServices:
- metadata: {namespace: a, name: web}
  spec:
    hosts: [x.example.com]
    gateways: [gw]
    http:
    - {match: [{uri: {prefix: /old}}], redirect: {uri: /new, redirectCode: 302}}
    - {match: [{uri: {exact: /said}}], directResponse: {status: 418, body: {string: tea}}}
    - {match: [{uri: {prefix: /in/}}], rewrite: {uri: /, authority: inner}, route: [{destination: {host: svc, subset: v1}}], timeout: 2s, retries: {attempts: 3, perTryTimeout: 1s}}
    - {match: [{headers: {user: {exact: me}}}], route: [{destination: {host: svc, subset: v2}}], mirror: {host: svc, subset: v1}, mirrorPercentage: {value: 50}}
    - {match: [{queryParams: {a: {exact: b}}}], route: [{destination: {host: svc, subset: none}}]}
    - {match: [{method: {exact: PUT}}], fault: {abort: {httpStatus: 500, percentage: {value: 10}}}, route: [{destination: {host: svc}}]}
    - {match: [{uri: {prefix: /all}}], route: [{destination: {host: svc, subset: v1}, weight: 3}, {destination: {host: svc, subset: v2}, weight: 1}]}
    tls: [{match: [{sniHosts: [x.example.com]}], route: [{destination: {host: svc}}]}]
    tcp: [{route: [{destination: {host: db}}]}]
- {metadata: {namespace: a, name: svc}, spec: {hosts: [svc], http: [{route: [{destination: {host: svc, subset: v2}}]}]}}
`

func TestRoute(t *testing.T) {
	t.Parallel()
	var o mesh.Objects
	if err := yaml.Unmarshal([]byte(objects), &o); err != nil {
		t.Fatal(err)
	}
	at := func(path string) routing.Request {
		return routing.Request{Gateway: "a/gw", Protocol: "http", Port: 80, Host: "x.example.com", Method: "GET", Path: path}
	}
	with := func(r routing.Request, change func(*routing.Request)) routing.Request { change(&r); return r }
	for name, test := range map[string]struct {
		request routing.Request
		want    string // part of the result's JSON
	}{
		"redirect":        {at("/old/x"), `"Outcome":"redirected","Status":302|"Redirect":"http://x.example.com/new"|"Rule":0`},
		"direct response": {at("/said"), `"Outcome":"answered","Status":418|"Body":"tea"`},
		"rewrite":         {at("/in/y?q=1"), `"Path":"/y?q=1","Host":"inner"|"Timeout":"2s"|"Attempts":3|"PerTryTimeout":"1s"|"Subset":"v1"|"VirtualService":"a/web","Rule":2`},
		"header":          {with(at("/"), func(r *routing.Request) { r.Headers = map[string]string{"User": "me"} }), `"Subset":"v2","Port":80,"Share":1|"Mirrors":[{"Host":"svc.a.svc.cluster.local","Subset":"v1","Port":80,"Share":0.5`},
		"query, 503":      {at("/?a=b"), `"Outcome":"unavailable","Status":503|subset \"none\" for port 80|"Exists":false`},
		"method, fault":   {with(at("/"), func(r *routing.Request) { r.Method = "PUT" }), `"Abort":500,"AbortShare":0.1`},
		"weights":         {at("/all"), `"Subset":"v1","Port":80,"Share":0.75|"Subset":"v2","Port":80,"Share":0.25`},
		"no rule":         {at("/"), `"Outcome":"not_found","Status":404|matches none of them`},
		"no host":         {with(at("/"), func(r *routing.Request) { r.Host = "y.example.com" }), `"Outcome":"not_found"|no virtual service`},
		"no port":         {with(at("/"), func(r *routing.Request) { r.Port = 81 }), `"Outcome":"refused"|Nothing listens on port 81`},
		"no gateway":      {with(at("/"), func(r *routing.Request) { r.Gateway = "a/other" }), `"Outcome":"refused"|The Gateway \"a/other\" does not exist`},
		"tls":             {with(at("/"), func(r *routing.Request) { r.Protocol, r.Port = "tls", 443 }), `"Outcome":"forwarded"|"Host":"svc.a.svc.cluster.local"|"VirtualService":"a/web","Rule":-1`},
		"other sni":       {with(at("/"), func(r *routing.Request) { r.Protocol, r.Port, r.SNI = "tls", 443, "z.example.com" }), `"Outcome":"refused"`},
		"tcp":             {with(at("/"), func(r *routing.Request) { r.Protocol, r.Port = "tcp", 3306 }), `"Outcome":"forwarded"|"Host":"db.a.svc.cluster.local"`},
		"mesh":            {with(at("/"), func(r *routing.Request) { r.Gateway, r.Namespace, r.Host = "", "a", "svc" }), `"Subset":"v2"|"VirtualService":"a/svc","Rule":0`},
		"mesh, tcp": {with(at("/"), func(r *routing.Request) {
			r.Gateway, r.Namespace, r.Host, r.Protocol, r.Port = "", "a", "db", "tcp", 3306
		}), `"Host":"db.a.svc.cluster.local"`},
		"out of the mesh": {with(at("/"), func(r *routing.Request) { r.Gateway, r.Namespace, r.Host = "", "a", "else.example.com" }), `"Outcome":"passed"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, err := routing.Route(o, test.request)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(result)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range strings.Split(test.want, "|") {
				if !strings.Contains(strings.ToLower(string(got)), strings.ToLower(want)) {
					t.Errorf("got %s, want %s", got, want)
				}
			}
		})
	}
}
