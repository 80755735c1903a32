resource "lamia_virtual_service" "vs_1" {
  http = [{
    route = [for version, weight in { version1 = 1, version2 = 3 } : {
      destination = { host = lamia_service.svc_1.host, subset = local.subsets[version] }
      weight      = weight
    }]
  }]
}
