terraform {
  required_version = ">= 1.8" # the first version with provider functions

  required_providers {
    lamia = {
      source = "magneticio/lamia"
    }
  }
}

resource "lamia_service" "shop" {
  namespace = "shop"
  name      = "shop"
  selector  = { app = "shop" }
  ports     = [{ name = "http", port = 80 }]
}

resource "lamia_gateway" "web" {
  namespace = "shop"
  name      = "web"

  servers = [{
    port  = { number = 80, name = "http", protocol = "HTTP" }
    hosts = ["www.example.com"]
  }]
}

resource "lamia_virtual_service" "shop" {
  namespace = "shop"
  name      = "shop"
  hosts     = ["www.example.com"]
  gateways  = [lamia_gateway.web.id]
  http      = [{ route = [{ destination = { host = lamia_service.shop.host } }] }]
}

# Text for a Mermaid code block, which GitHub and most editors draw.
output "picture" {
  value = provider::lamia::draw({
    gateways         = lamia_gateway.web
    virtual_services = lamia_virtual_service.shop
    services         = lamia_service.shop
  })
}
