variable "namespace" {}

resource "lamia_service" "reviews" {
  namespace = var.namespace
  name      = "reviews"
  selector  = { app = "reviews" }
  ports     = [{ name = "http", port = 80, target_port = "9080" }]
  labels    = { team = "reviews" }
}

resource "lamia_destination_rule" "reviews" {
  namespace = var.namespace
  name      = "reviews"
  host      = lamia_service.reviews.host
  subsets   = [{ name = "v1", labels = { version = "v1" } }]

  traffic_policy = {
    connection_pool   = { tcp = { max_connections = 100, connect_timeout = "0.03s" } }
    outlier_detection = { consecutive_5xx_errors = 0, base_ejection_time = "3m" }
    load_balancer     = { consistent_hash = { http_cookie = { name = "user", ttl = "0s" } } }
  }
}

resource "lamia_gateway" "shared" {
  namespace = var.namespace
  name      = "shared"
  selector  = { istio = "ingressgateway" }
  servers   = [{ port = { number = 80, name = "http", protocol = "HTTP" }, hosts = ["shared.example.com"] }]
}

resource "lamia_gateway" "own" {
  namespace   = var.namespace
  name        = "own"
  annotations = { note = "has proxies of its own" }
  servers     = [{ port = { number = 80, name = "http", protocol = "HTTP" }, hosts = ["own.example.com"] }]
  timeouts    = { create = "3m" }
}

resource "lamia_virtual_service" "reviews" {
  namespace = var.namespace
  name      = "reviews"
  hosts     = ["shared.example.com"]
  gateways  = [lamia_gateway.shared.name]

  http = [{
    match   = [{ uri = { prefix = "/" }, headers = { "x-user" = { exact = "jason" } } }]
    route   = [{ destination = { host = lamia_service.reviews.host, subset = "v1" }, weight = 0 }, { destination = { host = lamia_service.reviews.host }, weight = 100 }]
    timeout = "60s"
    retries = { attempts = 3, per_try_timeout = "0.5s" }
    fault   = { delay = { fixed_delay = "7s", percentage = { value = 0.1 } } }
  }]
}

resource "lamia_service_entry" "external" {
  namespace  = var.namespace
  name       = "external"
  hosts      = ["api.example.com"]
  ports      = [{ number = 443, name = "https", protocol = "TLS" }]
  resolution = "DNS"
}
