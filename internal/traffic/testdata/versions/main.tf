terraform {
  required_providers {
    lamia = {
      source = "magneticio/lamia"
    }
  }
}

variable "namespace" {
  type = string
}

variable "workload" {
  type    = any
  default = {}
}

resource "lamia_service" "app" {
  namespace = var.namespace
  name      = "app"
  selector  = { app = "app" }
  ports     = [{ name = "http", port = 80, target_port = 9090 }]
}

# Both teams of the test call it so, and serve the same host.
resource "lamia_gateway" "gw" {
  namespace = var.namespace
  name      = "gw"
  workload  = var.workload
  servers   = [{ port = { number = 80, name = "http", protocol = "HTTP" }, hosts = ["www.example.test"] }]
}

variable "versions" { # with their weights
  type = map(number)
}

resource "lamia_destination_rule" "app" {
  namespace = var.namespace
  name      = "app"
  host      = lamia_service.app.host
  subsets   = [for version, weight in var.versions : { name = version, labels = { version = version } }]
}

resource "lamia_virtual_service" "www" {
  namespace = var.namespace
  name      = "www"
  hosts     = ["www.example.test"]
  gateways  = [lamia_gateway.gw.id]

  http = [{
    route = [for i, version in keys(var.versions) :
      { destination = { host = lamia_destination_rule.app.host, subset = lamia_destination_rule.app.subsets[i].name }, weight = var.versions[version] }
    ]
  }]
}
