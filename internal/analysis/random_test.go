package analysis_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// object_ is an object to create.
type object_ struct {
	kind, namespace, name string
	annotations           map[string]any
	spec                  map[string]any
}

type list = []any

// chance creates random clusters with four namespaces, the last of which stays empty.
type chance struct {
	*rand.Rand
	id         string // part of all names that other namespaces can see
	namespaces []string
	objects    []object_
	gateways   []string
	delegates  []string
}

func (c *chance) in(n int) bool { return c.IntN(n) == 0 }

func (c *chance) one(of ...string) string { return of[c.IntN(len(of))] }

func (c *chance) namespace() string { return c.namespaces[c.IntN(3)] }

func (c *chance) add(kind, namespace, name string, spec map[string]any) {
	c.objects = append(c.objects, object_{kind: kind, namespace: namespace, name: name, spec: spec})
}

// host returns a random host, as objects in the namespace name it.
func (c *chance) host(namespace string) string {
	switch c.IntN(9) {
	case 0:
		return "api." + c.id + ".example.com"
	case 1:
		return "web." + c.id + ".example.com"
	case 2, 3:
		return c.one("http", "http", "port", "tcp", "tls") + "." + c.namespace() + ".svc.cluster.local"
	case 4:
		return c.one("none", "none."+namespace+".svc.cluster.local")
	}
	return c.one("http", "http", "port", "tcp", "tls")
}

func (c *chance) exportTo(spec map[string]any) {
	switch c.IntN(6) {
	case 0:
		spec["exportTo"] = list{"."}
	case 1:
		spec["exportTo"] = list{c.namespace()}
	case 2:
		spec["exportTo"] = list{".", c.namespace()}
	case 3:
		spec["exportTo"] = list{"*"}
	}
}

func (c *chance) destination(namespace string) map[string]any {
	d := map[string]any{"host": c.host(namespace)}
	if c.in(2) {
		d["subset"] = c.one("v1", "v1", "dr-0", "dr-1", "dr-2")
	}
	switch c.IntN(4) {
	case 0:
		d["port"] = map[string]any{"number": int64([]int{80, 8080, 3306, 443}[c.IntN(4)])}
	case 1:
		d["port"] = map[string]any{"number": int64(80)}
	}
	return d
}

// cluster adds random objects to the namespaces.
func (c *chance) cluster() {
	for _, namespace := range c.namespaces[:3] {
		for _, service := range []struct {
			name, port string
			number     int64
		}{{"http", "http", 80}, {"port", "http-x", 8080}, {"tcp", "tcp", 3306}, {"tls", "tls", 443}} {
			if c.in(4) && service.name != "http" {
				continue
			}
			o := object_{kind: "Service", namespace: namespace, name: service.name, spec: map[string]any{
				"ports": list{map[string]any{"name": service.port, "port": service.number}}}}
			if c.in(8) {
				o.annotations = map[string]any{"networking.istio.io/exportTo": c.one(".", c.namespace())}
			}
			c.objects = append(c.objects, o)
		}
	}
	for i := range c.IntN(3) {
		spec := map[string]any{"hosts": list{c.one("api."+c.id+".example.com", "web."+c.id+".example.com", "*."+c.id+".example.com")}, "location": "MESH_EXTERNAL"}
		if c.in(4) {
			spec["hosts"] = list{"api." + c.id + ".example.com", "other." + c.id + ".example.com", "web." + c.id + ".example.com"}
		}
		spec["ports"] = list{map[string]any{"number": int64(80), "name": "http", "protocol": "HTTP"}}
		if c.in(2) {
			spec["ports"] = append(spec["ports"].(list), map[string]any{"number": int64(443), "name": "tls", "protocol": "TLS"})
		}
		if !strings.HasPrefix(spec["hosts"].(list)[0].(string), "*") {
			spec["resolution"] = c.one("NONE", "DNS", "STATIC")
		}
		if spec["resolution"] == "STATIC" {
			spec["endpoints"] = list{map[string]any{"address": "192.0.2.7"}}
		}
		c.exportTo(spec)
		c.add("ServiceEntry", c.namespace(), fmt.Sprint("se-", i), spec)
	}
	for i := range c.IntN(4) {
		namespace := c.namespace()
		name := fmt.Sprint("dr-", i)
		spec := map[string]any{"host": c.host(namespace), "subsets": list{map[string]any{"name": name}}}
		if c.in(2) {
			spec["subsets"] = list{map[string]any{"name": name}, map[string]any{"name": "v1"}}
		}
		if c.in(6) {
			spec["host"] = "*." + c.namespace() + ".svc.cluster.local"
		}
		if c.in(6) {
			spec["workloadSelector"] = map[string]any{"matchLabels": map[string]any{"app": "x"}}
		}
		c.exportTo(spec)
		c.add("DestinationRule", namespace, name, spec)
	}
	for i := range c.IntN(4) {
		c.gateway(fmt.Sprint("gw-", i))
	}
	for i := range c.IntN(2) {
		namespace := c.namespace()
		name := fmt.Sprint("delegate-", i)
		spec := map[string]any{"http": c.http(namespace, false)}
		c.exportTo(spec)
		c.delegates = append(c.delegates, namespace+"/"+name)
		c.add("VirtualService", namespace, name, spec)
	}
	for i := range 1 + c.IntN(5) {
		c.virtualService(fmt.Sprint(c.one("a", "b", "vs"), "-", i))
	}
	if c.in(4) {
		spec := map[string]any{"egress": list{map[string]any{"hosts": list{c.one("./*", "*/*", c.namespace()+"/*")}}}}
		if c.in(3) {
			spec["workloadSelector"] = map[string]any{"labels": map[string]any{"app": "x"}}
		}
		c.add("Sidecar", c.namespace(), "sidecar", spec)
	}
}

func (c *chance) gateway(name string) {
	namespace := c.namespace()
	servers := list{}
	hosts := func() list {
		prefix := c.one("", "", "", "*/", "./", c.namespace()+"/")
		return list{prefix + c.one("web."+c.id+".example.com", "*."+c.id+".example.com", "api."+c.id+".example.com", "*")}
	}
	port := func(number int, name, protocol string) map[string]any {
		return map[string]any{"number": int64(number), "name": name, "protocol": protocol}
	}
	if !c.in(5) {
		servers = append(servers, map[string]any{"port": port(80, "http", "HTTP"), "hosts": hosts()})
	}
	if c.in(4) {
		servers = append(servers, map[string]any{"port": port(443, "tls", "TLS"), "hosts": hosts(), "tls": map[string]any{"mode": "PASSTHROUGH"}})
	}
	if c.in(4) || len(servers) == 0 {
		servers = append(servers, map[string]any{"port": port([]int{3306, 80}[c.IntN(2)], "tcp", "TCP"), "hosts": hosts()})
	}
	for i, s := range servers {
		s.(map[string]any)["name"] = strconv.Itoa(i)
	}
	c.gateways = append(c.gateways, namespace+"/"+name)
	c.add("Gateway", namespace, name, map[string]any{"selector": map[string]any{"gateway": c.id + c.one("-0", "-1")}, "servers": servers})
}

func (c *chance) virtualService(name string) {
	namespace := c.namespace()
	spec := map[string]any{}
	hosts := list{c.host(namespace)}
	if c.in(3) {
		hosts = append(hosts, "web."+c.id+".example.com")
	}
	if c.in(5) {
		hosts = list{"*." + c.id + ".example.com"}
	}
	if len(c.gateways) > 0 && !c.in(3) {
		hosts = list{c.one("web."+c.id+".example.com", "api."+c.id+".example.com", "*."+c.id+".example.com")}
		gateways := list{c.one(c.gateways...)}
		if c.in(4) {
			gateways = append(gateways, "mesh")
		}
		if c.in(10) {
			gateways = append(gateways, "missing")
		}
		spec["gateways"] = gateways
	}
	spec["hosts"] = hosts
	c.exportTo(spec)
	if !c.in(5) {
		spec["http"] = c.http(namespace, true)
	}
	if c.in(4) {
		match := map[string]any{"sniHosts": hosts}
		if c.in(3) {
			match["port"] = int64(443)
		}
		spec["tls"] = list{map[string]any{"match": list{match}, "route": c.connections(namespace)}}
	}
	if c.in(4) {
		rule := map[string]any{"route": c.connections(namespace)}
		if c.in(3) {
			rule["match"] = list{map[string]any{"port": int64(3306)}}
		}
		spec["tcp"] = list{rule}
	}
	c.add("VirtualService", namespace, name, spec)
}

// connections returns two destinations, because pilot records the virtual service of a connection only if there are several.
func (c *chance) connections(namespace string) list {
	first := map[string]any{"destination": c.destination(namespace), "weight": int64(1)}
	if c.in(2) {
		return list{first, first}
	}
	return list{first, map[string]any{"destination": c.destination(namespace), "weight": int64(1)}}
}

// http returns rules with the names that the in-memory translation gives them, so that the routes that istiod serves can be matched to rules.
func (c *chance) http(namespace string, root bool) (rules list) {
	for i := range 1 + c.IntN(3) {
		rule := map[string]any{"name": strconv.Itoa(i)}
		if !c.in(3) {
			match := map[string]any{"name": "0"}
			switch c.IntN(4) {
			case 0:
				match["uri"] = map[string]any{"exact": c.one("/x", "/x/y")}
			case 1, 2:
				match["uri"] = map[string]any{"prefix": c.one("/x", "/", "/x/")}
			}
			if c.in(4) {
				match["headers"] = map[string]any{"x": map[string]any{"exact": "1"}}
			}
			if c.in(8) {
				match["port"] = int64([]int{80, 8080}[c.IntN(2)])
			}
			if c.in(8) {
				match["sourceLabels"] = map[string]any{"app": "x"}
			}
			if c.in(12) {
				match["sourceNamespace"] = c.namespace()
			}
			if len(c.gateways) > 0 && c.in(10) {
				match["gateways"] = list{c.one(c.gateways...)}
			}
			rule["match"] = list{match}
		}
		switch {
		case root && len(c.delegates) > 0 && c.in(3):
			ns, name, _ := strings.Cut(c.one(c.delegates...), "/")
			if c.in(5) {
				name = "missing"
			}
			rule["delegate"] = map[string]any{"name": name, "namespace": ns}
		case c.in(10):
			rule["redirect"] = map[string]any{"uri": "/elsewhere"}
		case c.in(3):
			rule["route"] = list{
				map[string]any{"destination": c.destination(namespace), "weight": int64(c.IntN(2))}, map[string]any{"destination": c.destination(namespace), "weight": int64(1)}}
		default:
			rule["route"] = list{map[string]any{"destination": c.destination(namespace)}}
		}
		if c.in(8) && rule["route"] != nil {
			rule["mirror"] = c.destination(namespace)
		}
		rules = append(rules, rule)
	}
	return rules
}
