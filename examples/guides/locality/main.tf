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

  traffic_policy = {
    load_balancer = {
      locality_lb_setting = {
        # If too few pods in a region are healthy, its callers use the other region.
        failover = [
          { from = "us-east1", to = "us-west1" },
          { from = "us-west1", to = "us-east1" },
        ]
      }
    }

    # Decides which pods are healthy. Without it, there is no failover.
    outlier_detection = {
      consecutive_5xx_errors = 5
      interval               = "10s"
      base_ejection_time     = "1m"
    }
  }
}
