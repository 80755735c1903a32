# Application app1 and a gateway with two host names: one leads to the first version, one to the second.

terraform {
  required_providers {
    lamia = {
      source = "magneticio/lamia"
    }
  }
}

locals {
  host     = "vamp-gw1-test.${var.domain}"
  alt_host = "vamp-gw1-alt-test.${var.domain}"
}

resource "lamia_service" "svc_1" {
  namespace = var.namespace
  name      = "svc-1"

  selector = { app = "app1" }

  ports = [{
    port        = var.application.port
    target_port = var.application.port
    protocol    = "TCP"
  }]
}

resource "lamia_destination_rule" "dr_1" {
  namespace = var.namespace
  name      = "dr-1"

  host    = lamia_service.svc_1.host
  subsets = [for name, version in var.application.subsets : { name = name, labels = { version = version } }]
}

resource "lamia_gateway" "gw_1" {
  namespace = var.namespace
  name      = "gw-1"

  # Without a selector the gateway has proxies and an address of its own.
  servers = [{
    port  = var.gateway_port
    hosts = [local.host, local.alt_host]
  }]
}

resource "lamia_virtual_service" "vs_1" {
  namespace = var.namespace
  name      = "vs-1"

  hosts    = [local.host]
  gateways = [lamia_gateway.gw_1.id]

  http = [{
    route = [{
      destination = {
        host   = lamia_service.svc_1.host
        port   = { number = lamia_service.svc_1.ports[0].port }
        subset = lamia_destination_rule.dr_1.subsets[0].name
      }
      weight = 100
    }]
  }]
}

resource "lamia_virtual_service" "vs_2" {
  namespace = var.namespace
  name      = "vs-2"

  hosts    = [local.alt_host]
  gateways = [lamia_gateway.gw_1.id]

  http = [{
    route = [{
      destination = {
        host   = lamia_service.svc_1.host # the Service has one port, so none needs to be named
        subset = lamia_destination_rule.dr_1.subsets[1].name
      }
      weight = 100
    }]
  }]
}
