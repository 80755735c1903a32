resource "lamia_request_authentication" "reviews" {
  namespace = "vamp-test2"
  name      = "reviews"

  selector = { match_labels = { app = "reviews" } }

  # A request with an invalid token is rejected; to reject those without one takes an authorization policy.
  jwt_rules = [{
    issuer   = "https://auth.example.com"
    jwks_uri = "https://auth.example.com/.well-known/jwks.json"
  }]
}
