resource "lamia_virtual_service" "www" {
  http = [{
    route = [for i, version in keys(var.versions) :
      { destination = { host = lamia_destination_rule.app.host, subset = lamia_destination_rule.app.subsets[i].name }, weight = var.versions[version] }
    ]
  }]
}
