resource "lamia_request_authentication" "reviews" {
  namespace = "vamp-test2"
  name      = "reviews"

  selector = { match_labels = { app = "reviews" } }

  # Requests with an invalid token are rejected. To also reject requests without a token, add an authorization policy.
  jwt_rules = [{
    issuer   = "https://auth.example.com"
    jwks_uri = "https://auth.example.com/.well-known/jwks.json"
  }]
}
