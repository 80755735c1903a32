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

# Both teams of the test use this name and the same host.
resource "lamia_gateway" "gw" {
  namespace = var.namespace
  name      = "gw"
  workload  = var.workload
  servers   = [{ port = { number = 80, name = "http", protocol = "HTTP" }, hosts = ["www.example.test"] }]
}

resource "lamia_virtual_service" "www" {
  namespace = var.namespace
  name      = "www"
  hosts     = ["www.example.test"]
  gateways  = [lamia_gateway.gw.id]
  http      = [{ route = [{ destination = { host = lamia_service.app.host } }] }]
}
