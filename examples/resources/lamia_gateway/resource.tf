resource "lamia_gateway" "gw_1" {
  namespace = "vamp-test1"
  name      = "gw-1"

  selector = { istio = "ingressgateway" }

  servers = [{
    port  = { number = 80, name = "http", protocol = "HTTP" }
    hosts = ["vamp-gw1-test.democluster.net", "vamp-gw1-alt-test.democluster.net"]
  }]
}
