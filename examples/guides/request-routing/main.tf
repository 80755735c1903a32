terraform {
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

  # Istio applies the first rule that matches.
  http = [
    {
      name  = "testers" # by a header
      match = [{ headers = { "x-tester" = { exact = "yes" } } }]
      route = [{ destination = { host = lamia_service.shop.host, subset = "v2" } }]
    },
    {
      name    = "api" # by a path; the application receives /items for /api/items
      match   = [{ uri = { prefix = "/api/" } }]
      rewrite = { uri = "/" }
      route   = [{ destination = { host = lamia_service.shop.host, subset = "v2" } }]
    },
    {
      name     = "old" # answered by the proxy
      match    = [{ uri = { exact = "/old" } }]
      redirect = { uri = "/", redirect_code = 301 }
    },
    {
      name  = "default"
      route = [{ destination = { host = lamia_service.shop.host, subset = "v1" } }]
    },
  ]
}

output "address" {
  value = lamia_gateway.web.address
}
