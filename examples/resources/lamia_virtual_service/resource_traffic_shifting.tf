resource "lamia_virtual_service" "canary" {
  namespace = "vamp-test1"
  name      = "canary"
  hosts     = ["svc-1"] # without gateways, for calls within the mesh

  http = [{
    route = [
      { destination = { host = "svc-1", subset = "subset1" }, weight = 90 },
      { destination = { host = "svc-1", subset = "subset2" }, weight = 10 },
    ]
  }]
}
