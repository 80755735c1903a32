terraform {
  required_version = ">= 1.8" # the first that calls functions of providers

  required_providers {
    lamia = {
      source  = "magneticio/lamia"
      version = "~> 0.1"
    }
  }
}

resource "lamia_service" "shop" {
  name     = "shop"
  selector = { app = "shop" }
  ports    = [{ name = "http", port = 80, target_port = 8080 }]
}

resource "lamia_destination_rule" "shop" {
  name = "shop"
  host = lamia_service.shop.host

  subsets = [
    { name = "v1", labels = { version = "v1" } },
    { name = "v2", labels = { version = "v2" } },
  ]
}

resource "lamia_gateway" "web" {
  name = "web"

  servers = [{
    port  = { number = 80, name = "http", protocol = "HTTP" }
    hosts = ["shop.example.com"]
  }]
}

resource "lamia_virtual_service" "shop" {
  name     = "shop"
  hosts    = ["shop.example.com"]
  gateways = [lamia_gateway.web.id]

  http = [
    {
      match = [{ uri = { prefix = "/cart" } }]
      route = [
        { destination = { host = lamia_service.shop.host, subset = "v1" }, weight = 90 },
        { destination = { host = lamia_service.shop.host, subset = "v2" }, weight = 10 },
      ]
    },
    { route = [{ destination = { host = lamia_service.shop.host, subset = "v1" } }], timeout = "5s" },
  ]
}

# What decides on routes. Objects of other teams can be added as values.
output "routing" {
  value = {
    gateways          = [lamia_gateway.web]
    virtual_services  = [lamia_virtual_service.shop]
    destination_rules = [lamia_destination_rule.shop]
    services          = [lamia_service.shop]
  }
}
