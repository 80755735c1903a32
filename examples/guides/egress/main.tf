terraform {
  required_providers {
    lamia = {
      source  = "magneticio/lamia"
      version = "~> 0.1"
    }
  }
}

# The application calls http://payments.example.com. Its proxy encrypts the request and sends it to port 443.
resource "lamia_service_entry" "payments" {
  name       = "payments"
  hosts      = ["payments.example.com"]
  location   = "MESH_EXTERNAL"
  resolution = "DNS"

  ports = [
    { number = 80, name = "http", protocol = "HTTP", target_port = 443 },
    { number = 443, name = "https", protocol = "HTTPS" }, # for applications that encrypt requests themselves
  ]
}

resource "lamia_destination_rule" "payments" {
  name = "payments"
  host = lamia_service_entry.payments.hosts[0]

  traffic_policy = {
    port_level_settings = [{
      port = { number = 80 }
      tls  = { mode = "SIMPLE" } # Istio takes the name to verify, and the SNI, from the request
    }]
  }
}

resource "lamia_virtual_service" "payments" {
  name  = "payments"
  hosts = lamia_service_entry.payments.hosts

  http = [{
    match   = [{ port = 80 }]
    route   = [{ destination = { host = lamia_service_entry.payments.hosts[0], port = { number = 80 } } }]
    timeout = "5s"
  }]
}

# Pods with these labels reach what is in their own namespace, this entry included, and in istio-system. Everything else is blocked.
resource "lamia_sidecar" "shop" {
  name                    = "shop"
  workload_selector       = { labels = { app = "shop" } }
  outbound_traffic_policy = { mode = "REGISTRY_ONLY" }

  egress = [{ hosts = ["./*", "istio-system/*"] }]
}
