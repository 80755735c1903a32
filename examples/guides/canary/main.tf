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

# Argo Rollouts adds a label to each subset, which says which pods are stable and which are the canary.
resource "lamia_destination_rule" "shop" {
  name = "shop"
  host = lamia_service.shop.host

  subsets = [
    { name = "stable", labels = { app = "shop" } },
    { name = "canary", labels = { app = "shop" } },
  ]

  lifecycle {
    ignore_changes = [
      subsets[0].labels["rollouts-pod-template-hash"],
      subsets[1].labels["rollouts-pod-template-hash"],
    ]
  }
}

# Terraform creates the route, and Argo Rollouts changes the weights.
resource "lamia_virtual_service" "shop" {
  name  = "shop"
  hosts = [lamia_service.shop.host]

  http = [{
    name = "primary"
    route = [
      { destination = { host = lamia_service.shop.host, subset = "stable" }, weight = 100 },
      { destination = { host = lamia_service.shop.host, subset = "canary" }, weight = 0 },
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
