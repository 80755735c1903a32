# What each team gets: a Service, a subset for each version, a gateway with its own address, and routes.

terraform {
  required_providers {
    lamia = {
      source  = "magneticio/lamia"
      version = "~> 0.1"
    }
  }
}

resource "lamia_service" "app" {
  namespace = var.namespace
  name      = var.name
  selector  = { app = var.name }
  ports     = [{ name = "http", port = 80, target_port = var.target_port }]
}

resource "lamia_destination_rule" "app" {
  namespace = var.namespace
  name      = var.name
  host      = lamia_service.app.host
  subsets   = [for version in keys(var.versions) : { name = version, labels = { version = version } }]
}

resource "lamia_gateway" "app" {
  namespace = var.namespace
  name      = var.name

  servers = [{
    port  = { number = 80, name = "http", protocol = "HTTP" }
    hosts = var.hosts
  }]
}

resource "lamia_virtual_service" "app" {
  namespace = var.namespace
  name      = var.name
  hosts     = var.hosts
  gateways  = [lamia_gateway.app.id]

  http = concat(
    [for path, service in var.paths : {
      match = [{ uri = { prefix = path } }]
      route = [{ destination = { host = service.host, port = { number = service.port }, subset = null }, weight = null }]
    }],
    [{
      match = null
      route = [for version, weight in var.versions : {
        destination = { host = lamia_service.app.host, port = { number = lamia_service.app.ports[0].port }, subset = version }
        weight      = weight
      }]
    }],
  )
}
