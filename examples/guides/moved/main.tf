moved {
  from = kubectl_manifest.reviews
  to   = lamia_virtual_service.reviews
}

resource "lamia_virtual_service" "reviews" {
  namespace = "bookinfo"
  name      = "reviews"
  labels    = { team = "reviews" }
  hosts     = ["reviews"]

  http = [{
    route   = [{ destination = { host = "reviews", port = { number = 80 } }, weight = 100 }]
    timeout = "2s"
    retries = { attempts = 3, per_try_timeout = "500ms" }
  }]
}
