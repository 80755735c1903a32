resource "lamia_wasm_plugin" "basic_auth" {
  namespace = "vamp-test2"
  name      = "basic-auth"

  selector = { match_labels = { app = "reviews" } }
  url      = "oci://ghcr.io/istio-ecosystem/wasm-extensions/basic_auth:1.12.0"
  phase    = "AUTHN"

  image_pull_secret = "registry" # the name of a Secret, which the provider does not read

  plugin_config = jsonencode({
    basic_auth_rules = [{ prefix = "/reviews", request_methods = ["GET"] }]
  })
}
