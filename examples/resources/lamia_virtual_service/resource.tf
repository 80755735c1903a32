resource "lamia_virtual_service" "vs_3" {
  namespace = "vamp-test2"
  name      = "vs-3"

  hosts    = ["vamp-gw2-test.democluster.net"]
  gateways = ["gw-2"]

  http = [
    {
      match   = [{ uri = { prefix = "/service1" } }]
      rewrite = { uri = "/" }

      route = [{
        destination = {
          # A short name would be a Service in this namespace.
          host   = "svc-1.vamp-test1.svc.cluster.local"
          port   = { number = 9090 }
          subset = "subset3"
        }
      }]
    },
    {
      match   = [{ uri = { prefix = "/service2" } }]
      rewrite = { uri = "/" }

      route = [{
        destination = {
          host   = "svc-2"
          port   = { number = 9090 }
          subset = "subset1"
        }
      }]
    },
  ]
}
