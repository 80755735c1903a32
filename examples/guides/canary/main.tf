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

# Terraform creates the rule, and the canary controller changes the weights.
resource "lamia_virtual_service" "shop" {
  name  = "shop"
  hosts = [lamia_service.shop.host]

  http = [{
    name = "primary"
    route = [
      { destination = { host = lamia_service.shop.host, subset = "v1" }, weight = 100 },
      { destination = { host = lamia_service.shop.host, subset = "v2" }, weight = 0 },
    ]
    timeout = "5s"
  }]

  lifecycle {
    ignore_changes = [
      http[0].route[0].weight,
      http[0].route[1].weight,
    ]
  }
}
