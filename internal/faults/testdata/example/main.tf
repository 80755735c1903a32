# Copies of the example with three teams.

variable "cells" {
  type = map(object({ namespace = string }))
}

module "example" {
  source   = "./advanced-networking"
  for_each = var.cells

  namespaces = {
    team_1 = "${each.value.namespace}vamp-test1"
    team_2 = "${each.value.namespace}vamp-test2"
    team_3 = "${each.value.namespace}vamp-test3"
  }
  domain = "${each.key}.example.com"
}
