# What happens to a request in the cluster now.
data "lamia_route" "home" {
  namespaces = ["vamp-test1"]

  request = {
    gateway = "vamp-test1/gw-1"
    host    = "vamp-gw1-test.democluster.net"
    path    = "/"
  }
}

check "home" {
  assert {
    condition     = data.lamia_route.home.result.outcome == "forwarded"
    error_message = "The home page is not served: ${coalesce(data.lamia_route.home.result.reason, data.lamia_route.home.result.outcome)}"
  }
}
