# As in the guide on virtual clusters: subsets and routes follow the versions.
resource "lamia_destination_rule" "echo" {
  subsets = [for version, weight in var.versions : { name = version, labels = { version = version } }]
}

resource "lamia_virtual_service" "echo" {
  http = [{
    route = [for i, version in keys(var.versions) :
      { destination = { host = lamia_destination_rule.echo.host, subset = lamia_destination_rule.echo.subsets[i].name }, weight = var.versions[version] }
    ]
  }]
}
