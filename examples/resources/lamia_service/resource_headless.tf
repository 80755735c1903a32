resource "lamia_service" "peers" {
  namespace = "vamp-test2"
  name      = "peers"
  headless  = true
  selector  = { app = "app2" }
  ports     = [{ name = "tcp-peer", port = 7000 }]

  publish_not_ready_addresses = true
}
