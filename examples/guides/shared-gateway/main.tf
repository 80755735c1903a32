terraform {
  required_providers {
    lamia = {
      source  = "magneticio/lamia"
      version = "~> 0.1"
    }
  }
}

# One gateway for all teams: a team can serve the hosts that are listed with its namespace.
resource "lamia_gateway" "shared" {
  name = "shared"

  servers = [{
    port  = { number = 80, name = "http", protocol = "HTTP" }
    hosts = ["${lamia_service.shop.namespace}/shop.example.com"]
  }]
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

# The team's configuration refers to the gateway by its id.
resource "lamia_virtual_service" "shop" {
  name     = "shop"
  hosts    = ["shop.example.com"]
  gateways = [lamia_gateway.shared.id]

  http = [{
    route = [{ destination = { host = lamia_service.shop.host, subset = "v1" } }]
  }]
}
