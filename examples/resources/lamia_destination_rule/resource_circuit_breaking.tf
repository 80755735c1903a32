resource "lamia_destination_rule" "limits" {
  namespace = "vamp-test2"
  name      = "limits"
  host      = "svc-2"

  traffic_policy = {
    connection_pool   = { http = { http1_max_pending_requests = 50 } }
    outlier_detection = { consecutive_5xx_errors = 5, base_ejection_time = "30s" }
  }
}
