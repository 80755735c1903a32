terraform {
  required_providers {
    lamia = {
      source  = "magneticio/lamia"
      version = "~> 0.1"
    }
  }
}

variable "v2_weight" {
  description = "Percentage of requests that version 2 gets."
  type        = number
  default     = 10

  validation {
    condition     = var.v2_weight >= 0 && var.v2_weight <= 100
    error_message = "The weight must be between 0 and 100."
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

# Without gateways, the rule applies to calls within the mesh.
resource "lamia_virtual_service" "shop" {
  name  = "shop"
  hosts = [lamia_service.shop.host]

  http = [{
    route = [
      { destination = { host = lamia_service.shop.host, subset = "v1" }, weight = 100 - var.v2_weight },
      { destination = { host = lamia_service.shop.host, subset = "v2" }, weight = var.v2_weight },
    ]
  }]
}
