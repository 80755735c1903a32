resource "lamia_workload_group" "reviews" {
  namespace = "vamp-test2"
  name      = "reviews"

  metadata = { labels = { app = "reviews" } }
  template = { service_account = "reviews", ports = { http = 8080 } }

  probe = {
    period_seconds = 5
    http_get       = { path = "/healthz", port = 8080 }
  }
}
