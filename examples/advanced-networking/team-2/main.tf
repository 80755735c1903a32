# Application app2 and a gateway with one host name: one path leads to the team's own application, another to team 1's.

terraform {
  required_providers {
    lamia = {
      source = "magneticio/lamia"
    }
  }
}

# Reads what runs in the namespace. A Deployment with a new version becomes a new subset in the next plan.
data "lamia_virtual_cluster" "team" {
  name = var.namespace
}

locals {
  host = "vamp-gw2-test.${var.domain}"

  name        = "app2"
  application = data.lamia_virtual_cluster.team.applications[local.name]

  # The subset of each version.
  subsets = zipmap(keys(local.application.versions), lamia_destination_rule.dr_2.subsets[*].name)

  # The destination of each path. The application receives "/" instead of the path.
  paths = {
    "/service1" = var.service_1
    "/service2" = {
      host   = lamia_service.svc_2.host
      port   = lamia_service.svc_2.ports[0].port
      subset = local.subsets["version1"]
    }
  }
}

resource "lamia_service" "svc_2" {
  namespace = var.namespace
  name      = "svc-2"

  selector = { app = local.name }

  ports = [for port in local.application.container_ports : {
    name        = port.name
    port        = port.port
    target_port = port.port
    protocol    = port.protocol
  }]
}

resource "lamia_destination_rule" "dr_2" {
  namespace = var.namespace
  name      = "dr-2"

  host    = lamia_service.svc_2.host
  subsets = [for version, labels in local.application.versions : { name = replace(version, "version", "subset"), labels = labels }]
}

resource "lamia_gateway" "gw_2" {
  namespace = var.namespace
  name      = "gw-2"

  # Without a selector, the gateway has its own proxies and address.
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
