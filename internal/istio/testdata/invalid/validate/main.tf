# Each resource has one problem. The comments before it are regular expressions for the errors of terraform validate, one for each error.

# error: at "name +=.*Invalid Kubernetes Name: Kubernetes does not allow "a\.b" here: must not contain dots
resource "lamia_gateway" "name_with_dots" {
  name    = "a.b"
  servers = [{ hosts = ["a.example.com"], port = { number = 80, name = "http", protocol = "HTTP" } }]
}

# error: at "name +=.*does not allow "Not_A_Label" here: a lowercase RFC 1123 subdomain must consist of
resource "lamia_virtual_service" "name_no_label" {
  name  = "Not_A_Label"
  hosts = ["a.example.com"]
  http  = [{ route = [{ destination = { host = "a" } }] }]
}

# error: at "name +=.*does not allow "1st" here: a DNS-1035 label must .* start with an alphabetic character
resource "lamia_service" "name_with_digit_first" {
  name = "1st"
}

# error: at "namespace +=.*does not allow "a\.b" here: must not contain dots
resource "lamia_service_entry" "namespace_with_dots" {
  namespace = "a.b"
  name      = "test"
  hosts     = ["a.example.com"]
}

# error: at "labels +=.*At labels\["a"\]: Kubernetes does not allow "b c" here
# error: at "labels +=.*Invalid Key: At labels\["a b"\]: The key "a b" is invalid: name part must consist of
resource "lamia_service_entry" "labels" {
  name   = "test"
  hosts  = ["a.example.com"]
  labels = { "a b" = "x", a = "b c" }
}

# error: at "labels +=.*Null Value: At labels\["a"\]: An element is null
resource "lamia_service_entry" "label_null" {
  name   = "test"
  hosts  = ["a.example.com"]
  labels = { a = null }
}

# error: at "annotations +=.*Invalid Key: At annotations\["a b"\]: The key "a b" is invalid: name part must consist of
resource "lamia_service_entry" "annotations" {
  name        = "test"
  hosts       = ["a.example.com"]
  annotations = { "a b" = "x" }
}

# error: The argument "hosts" is required
resource "lamia_service_entry" "required_missing" {
  name = "test"
}

# error: at "servers = .*element 0: attribute "hosts" is required
resource "lamia_gateway" "required_missing_inside" {
  name    = "test"
  servers = [{ port = { number = 80, name = "http", protocol = "HTTP" } }]
}

# error: at "workload = .*Only one of selector, workload can be set, but selector and workload are
resource "lamia_gateway" "selector_and_workload" {
  name     = "test"
  selector = { istio = "ingressgateway" }
  workload = { replicas = 2 }
  servers  = [{ hosts = ["a.example.com"], port = { number = 80, name = "http", protocol = "HTTP" } }]
}

# error: at "ports = .*At ports\[0\]\.port: The value is 0, but must be a whole number from 1 to 65535
resource "lamia_service" "port_zero" {
  name  = "test"
  ports = [{ port = 0 }]
}

# error: at "ports = .*At ports\[1\]\.port: The value is 70000, but must be a whole number from 1 to 65535
resource "lamia_service" "port_70000" {
  name  = "test"
  ports = [{ port = 80 }, { port = 70000 }]
}

# error: at "ports = .*At ports\[0\]\.number: The value is 0, but must be a whole number from 1 to 65535
resource "lamia_service_entry" "port_zero" {
  name  = "test"
  hosts = ["a.example.com"]
  ports = [{ number = 0, name = "http", protocol = "HTTP" }]
}

# error: at "ports = .*At ports\[0\]\.number: The value is 70000, but must be a whole number from 1 to 65535
resource "lamia_service_entry" "port_70000" {
  name  = "test"
  hosts = ["a.example.com"]
  ports = [{ number = 70000, name = "http", protocol = "HTTP" }]
}

# error: at "http = .*At http\[0\]\.match\[0\]\.uri\.prefix: Only one of exact, prefix, regex can be set, but exact and prefix are\. Remove all but one
resource "lamia_virtual_service" "oneof" {
  name = "test"
  http = [{
    match = [{ uri = { exact = "/a", prefix = "/" } }]
  }]
}

# error: at "http = .*Invalid Duration: At http\[0\]\.timeout: "5 apples" is not a duration\. Use numbers with the units
resource "lamia_virtual_service" "duration" {
  name = "test"
  http = [{ timeout = "5 apples" }]
}

# error: at "http = .*At http\[0\]\.timeout: The duration 1us is too short\. Use at least 1ms
resource "lamia_virtual_service" "duration_too_short" {
  name = "test"
  http = [{ timeout = "1us" }]
}

# error: at "hosts = .*Null Value: At hosts\[1\]: An element is null
resource "lamia_virtual_service" "host_null" {
  name  = "test"
  hosts = ["a.example.com", null]
}

# error: at "http = .*Null Value: At http\[0\]\.route\[0\]: An element is null
resource "lamia_virtual_service" "route_null" {
  name = "test"
  http = [{ route = [null] }]
}

# error: at "http = .*Null Value: At http\[0\]\.match\[0\]\.headers\["x-user"\]: An element is null
resource "lamia_virtual_service" "header_null" {
  name = "test"
  http = [{ match = [{ headers = { x-user = null } }] }]
}

# error: at "traffic_policy = .*At traffic_policy\.load_balancer\.simple: "RANDOMLY" is not allowed here\. Use one of .*LEAST_REQUEST
resource "lamia_destination_rule" "enum" {
  name           = "test"
  host           = "svc"
  traffic_policy = { load_balancer = { simple = "RANDOMLY" } }
}

# error: at "type = .*"Loadbalancer" is not allowed here\. Use one of .*LoadBalancer
resource "lamia_service" "enum" {
  name = "test"
  type = "Loadbalancer"
}

# error: at "traffic_policy = .*At traffic_policy\.connection_pool\.tcp\.max_connections: The value is 1\.5, but must be a whole number
resource "lamia_destination_rule" "fraction" {
  name           = "test"
  host           = "svc"
  traffic_policy = { connection_pool = { tcp = { max_connections = 1.5 } } }
}

# error: at "traffic_policy = .*At traffic_policy\.outlier_detection\.consecutive_5xx_errors: The value is -1, but must be a whole number from 0 to 4294967295
resource "lamia_destination_rule" "negative" {
  name           = "test"
  host           = "svc"
  traffic_policy = { outlier_detection = { consecutive_5xx_errors = -1 } }
}

# error: at "traffic_policy = .*outlier_detection_http_error_codes\[0\]: The value is 99, but must be a whole number from 100 to 599
resource "lamia_destination_rule" "element" {
  name           = "test"
  host           = "svc"
  traffic_policy = { outlier_detection = { outlier_detection_http_error_codes = [99] } }
}

# error: at "timeouts = .*At timeouts\.create: "5 apples" is not a duration
resource "lamia_virtual_service" "timeouts" {
  name     = "test"
  hosts    = ["a.example.com"]
  http     = [{ route = [{ destination = { host = "a" } }] }]
  timeouts = { create = "5 apples" }
}

# Rules of Istio.

# error: at "servers = .*Invalid Istio configuration: At servers\[1\]\.port\.number: port number 70000 must be in the range 1\.\.65535\. This Gateway is rejected by istiod\. Change this attribute\.
resource "lamia_gateway" "port_70000" {
  name = "port-70000"
  servers = [
    { hosts = ["a.example.com"], port = { number = 80, name = "http", protocol = "HTTP" } },
    { hosts = ["a.example.com"], port = { number = 70000, name = "other", protocol = "HTTP" } },
  ]
}

# error: at "http = .*At http\[1\]: HTTP route, redirect or direct_response is required\. This VirtualService is rejected by istiod
resource "lamia_virtual_service" "no_route" {
  name  = "no-route"
  hosts = ["a.example.com"]
  http = [
    { match = [{ uri = { prefix = "/a" } }], route = [{ destination = { host = "a" } }] },
    { match = [{ uri = { prefix = "/" } }] },
  ]
}

# Weights are relative and need not sum to 100, but at least one must be positive.
# error: at "http = .*At http\[0\]\.route\[1\]: total destination weight = 0\. This VirtualService is rejected by istiod\. Change this attribute, or http\[0\]\.route\[0\]\.
resource "lamia_virtual_service" "weights" {
  name  = "weights"
  hosts = ["a.example.com"]
  http = [{ route = [
    { destination = { host = "one" }, weight = 0 },
    { destination = { host = "two" }, weight = 0 },
  ] }]
}

# error: at "resource .*http, tcp or tls must be provided in virtual service\. This VirtualService is rejected by istiod\.$
resource "lamia_virtual_service" "hosts" {
  name  = "hosts"
  hosts = []
}

# A CEL rule of Istio's CRD.
# error: at "workload_selector = .*only one of WorkloadSelector or Endpoints can be set\. This ServiceEntry is rejected by the schema of Istio's CRD\. Change this attribute, or endpoints\.
resource "lamia_service_entry" "exclusive" {
  name              = "exclusive"
  hosts             = ["a.example.com"]
  resolution        = "STATIC"
  workload_selector = { labels = { app = "a" } }
  endpoints         = [{ address = "10.0.0.1" }]
}

# Two problems of a resource whose name is unknown.
# error: at "host += .*domain name "a b" invalid
# error: at "subsets = .*At subsets\[1\]\.name: duplicate subset names: one\. .* Change this attribute, or subsets\[0\]\.name\.
resource "lamia_destination_rule" "two" {
  name    = terraform_data.later.output
  host    = "a b"
  subsets = [{ name = "one" }, { name = "one" }]
}

resource "terraform_data" "later" {
  input = "later"
}
