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

  servers = [
    {
      port  = { number = 80, name = "http", protocol = "HTTP" }
      hosts = ["shop.example.com"]
      tls   = { https_redirect = true } # 301 to https://
    },
    {
      port  = { number = 443, name = "https", protocol = "HTTPS" }
      hosts = ["shop.example.com"]
      tls   = { mode = "SIMPLE", credential_name = "shop-tls", min_protocol_version = "TLSV1_2" }
    },
  ]

  # ExternalDNS creates a record for the load balancer of this Service.
  workload = {
    service = {
      annotations = { "external-dns.alpha.kubernetes.io/hostname" = "shop.example.com" }
    }
  }
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
