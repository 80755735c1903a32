terraform {
  required_providers {
    lamia = {
      source  = "magneticio/lamia"
      version = "~> 0.1"
    }
  }
}

# KUBE_CONFIG_PATH selects the cluster, and LAMIA_NAMESPACE the namespace.
provider "lamia" {}

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

  http = [{
    route = [{ destination = { host = lamia_service.shop.host, subset = "v1" } }]
  }]
}

output "address" {
  value = lamia_gateway.web.address
}
