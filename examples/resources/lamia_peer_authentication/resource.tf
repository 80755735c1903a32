resource "lamia_peer_authentication" "default" {
  namespace = "vamp-test2"
  name      = "default"

  mtls = { mode = "STRICT" }
}
