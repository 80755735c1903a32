resource "lamia_proxy_config" "reviews" {
  namespace = "vamp-test2"
  name      = "reviews"

  selector    = { match_labels = { app = "reviews" } }
  concurrency = 2
}
