variable "versions" { # with their weights
  type = map(number)
}

resource "lamia_destination_rule" "app" {
  namespace = var.namespace
  name      = "app"
  host      = lamia_service.app.host
  subsets   = [for version, weight in var.versions : { name = version, labels = { version = version } }]
}
