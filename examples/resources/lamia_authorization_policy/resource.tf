resource "lamia_authorization_policy" "reviews" {
  namespace = "vamp-test2"
  name      = "reviews"

  # Only the product page can read reviews. Requests that no rule allows are denied.
  selector = { match_labels = { app = "reviews" } }
  action   = "ALLOW"

  rules = [{
    from = [{ source = { principals = ["cluster.local/ns/vamp-test1/sa/productpage"] } }]
    to   = [{ operation = { methods = ["GET"] } }]
  }]
}
