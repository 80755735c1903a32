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

# What the caller's proxy does with a request.
resource "lamia_virtual_service" "shop" {
  name  = "shop"
  hosts = [lamia_service.shop.host]

  http = [{
    route   = [{ destination = { host = lamia_service.shop.host } }]
    timeout = "3s" # for all attempts together

    retries = {
      attempts        = 2 # after the first
      per_try_timeout = "1s"
      retry_on        = "connect-failure,refused-stream,unavailable,503"
    }
  }]
}

# Which pods receive requests, and how many at once.
resource "lamia_destination_rule" "shop" {
  name = "shop"
  host = lamia_service.shop.host

  traffic_policy = {
    # Circuit breaking: requests beyond these limits fail with 503 at once.
    connection_pool = {
      tcp  = { max_connections = 100, connect_timeout = "500ms" }
      http = { http1_max_pending_requests = 50, http2_max_requests = 200 }
    }

    # Outlier detection: a pod that fails five times in a row gets no requests for 30 seconds.
    outlier_detection = {
      consecutive_5xx_errors = 5
      interval               = "10s"
      base_ejection_time     = "30s"
      max_ejection_percent   = 50
    }
  }
}
