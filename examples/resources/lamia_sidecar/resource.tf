resource "lamia_sidecar" "reviews" {
  namespace = "vamp-test2"
  name      = "reviews"

  # The proxies of reviews only know their own namespace, and ratings in another one. That keeps them small.
  workload_selector = { labels = { app = "reviews" } }

  egress = [{ hosts = ["./*", "vamp-test3/ratings.vamp-test3.svc.cluster.local"] }]

  outbound_traffic_policy = { mode = "REGISTRY_ONLY" }
}
