resource "lamia_gateway" "shared" {
  namespace = "vamp-test3"
  name      = "shared"

  selector = { istio = "ingressgateway" }

  servers = [{
    port  = { number = 80, name = "http", protocol = "HTTP" }
    hosts = ["vamp-test3/*"]
  }]
}
