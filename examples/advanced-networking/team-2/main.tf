# Application app2 and a gateway with one host name: a path leads to the team's own application, another to team 1's.

terraform {
  required_providers {
    lamia = {
      source = "magneticio/lamia"
    }
  }
}

locals {
  host = "vamp-gw2-test.${var.domain}"

  # What a path leads to. In its place the application is sent "/".
  paths = {
    "/service1" = var.service_1
    "/service2" = {
      host   = lamia_service.svc_2.host
      port   = lamia_service.svc_2.ports[0].port
      subset = lamia_destination_rule.dr_2.subsets[0].name
    }
  }
}

resource "lamia_service" "svc_2" {
  namespace = var.namespace
  name      = "svc-2"

  selector = { app = "app2" }

  ports = [{
    port        = var.application.port
    target_port = var.application.port
    protocol    = "TCP"
  }]
}

resource "lamia_destination_rule" "dr_2" {
  namespace = var.namespace
  name      = "dr-2"

  host    = lamia_service.svc_2.host
  subsets = [for name, version in var.application.subsets : { name = name, labels = { version = version } }]
}

resource "lamia_gateway" "gw_2" {
  namespace = var.namespace
  name      = "gw-2"

  # Without a selector the gateway has proxies and an address of its own.
  servers = [{
    port  = var.gateway_port
    hosts = [local.host]
  }]
}

resource "lamia_virtual_service" "vs_3" {
  namespace = var.namespace
  name      = "vs-3"

  hosts    = [local.host]
  gateways = [lamia_gateway.gw_2.id]

  http = [for path, service in local.paths : {
    match   = [{ uri = { prefix = path } }]
    rewrite = { uri = "/" }

    route = [{
      destination = {
        host   = service.host
        port   = { number = service.port }
        subset = service.subset
      }
    }]
  }]
}
