# Each resource is wrong in one way that only the cluster knows. The comments before it say what terraform plan answers: regular expressions,
# one per error.

variable "namespace" {
  type = string
}

# error: cannot be created: refused by the webhook ".*validation\.istio\.io": port number 70000 must be in the range 1\.\.65535
resource "lamia_gateway" "port_70000" {
  namespace = var.namespace
  name      = "port-70000"
  servers   = [{ hosts = ["a.example.com"], port = { number = 70000, name = "http", protocol = "HTTP" } }]
}

# error: refused by the webhook ".*validation\.istio\.io": HTTP route, redirect or direct_response is required
resource "lamia_virtual_service" "no_route" {
  namespace = var.namespace
  name      = "no-route"
  hosts     = ["a.example.com"]
  http      = [{ match = [{ uri = { prefix = "/" } }] }]
}

# Weights are relative and need not sum to 100, but some traffic has to go somewhere.
# error: refused by the webhook ".*validation\.istio\.io": total destination weight = 0
resource "lamia_virtual_service" "weights" {
  namespace = var.namespace
  name      = "weights"
  hosts     = ["a.example.com"]
  http = [{ route = [
    { destination = { host = "one" }, weight = 0 },
    { destination = { host = "two" }, weight = 0 },
  ] }]
}

# error: refused by the webhook ".*validation\.istio\.io": http, tcp or tls must be provided in virtual service
resource "lamia_virtual_service" "hosts" {
  namespace = var.namespace
  name      = "hosts"
  hosts     = []
}

# A rule in CEL of Istio's CRD.
# error: cannot be created: invalid spec: .* only one of WorkloadSelector or Endpoints can be set
resource "lamia_service_entry" "exclusive" {
  namespace         = var.namespace
  name              = "exclusive"
  hosts             = ["a.example.com"]
  resolution        = "STATIC"
  workload_selector = { labels = { app = "a" } }
  endpoints         = [{ address = "10.0.0.1" }]
}

# error: at "ports += .*invalid spec\.ports\[0\]\.name: .*Required value
# error: at "ports += .*invalid spec\.ports\[1\]\.name: .*Required value
resource "lamia_service" "ports" {
  namespace = var.namespace
  name      = "ports"
  ports     = [{ port = 80 }, { port = 81 }]
}

# error: cannot be created: invalid spec\.externalName: .*Required value
resource "lamia_service" "external_name" {
  namespace = var.namespace
  name      = "external-name"
  type      = "ExternalName"
}
