variable "namespace" {
  type = string
}

resource "lamia_service" "test" {
  namespace = var.namespace
  name      = "test"
  selector  = { app = "a" }
  ports     = [{ name = "web", port = 80, app_protocol = "http2" }]

  session_affinity            = "ClientIP"
  session_affinity_config     = { client_ip = { timeout_seconds = 600 } }
  internal_traffic_policy     = "Local"
  traffic_distribution        = "PreferClose"
  ip_families                 = ["IPv4"]
  ip_family_policy            = "SingleStack"
  publish_not_ready_addresses = true
  external_ips                = ["192.0.2.7"]
}
