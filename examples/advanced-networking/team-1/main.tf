# Application app1 and a gateway with two host names: one leads to the first version, one to the second.

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
  host     = "vamp-gw1-test.${var.domain}"
  alt_host = "vamp-gw1-alt-test.${var.domain}"

  name        = "app1"
  application = data.lamia_virtual_cluster.team.applications[local.name]

  # The subset of each version.
  subsets = zipmap(keys(local.application.versions), lamia_destination_rule.dr_1.subsets[*].name)
}

resource "lamia_service" "svc_1" {
  namespace = var.namespace
  name      = "svc-1"

  selector = { app = local.name }

  ports = [for port in local.application.container_ports : {
    name        = port.name
    port        = port.port
    target_port = port.port
    protocol    = port.protocol
  }]
}

resource "lamia_destination_rule" "dr_1" {
  namespace = var.namespace
  name      = "dr-1"

  host    = lamia_service.svc_1.host
  subsets = [for version, labels in local.application.versions : { name = replace(version, "version", "subset"), labels = labels }]
}

resource "lamia_gateway" "gw_1" {
  namespace = var.namespace
  name      = "gw-1"

  # Without a selector, the gateway has its own proxies and address.
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
        subset = local.subsets["version1"]
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
        host   = lamia_service.svc_1.host # the Service has only one port, so this needs no port
        subset = local.subsets["version2"]
      }
      weight = 100
    }]
  }]
}
