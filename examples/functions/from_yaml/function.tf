terraform {
  required_version = ">= 1.8" # the first version with provider functions

  required_providers {
    lamia = {
      source = "magneticio/lamia"
    }
  }
}

locals {
  mesh = provider::lamia::from_yaml(file("${path.module}/mesh.yaml"))
}

resource "lamia_destination_rule" "all" {
  for_each = local.mesh.destination_rule

  namespace         = each.value.namespace
  name              = each.value.name
  labels            = each.value.labels
  annotations       = each.value.annotations
  host              = each.value.host
  subsets           = each.value.subsets
  traffic_policy    = each.value.traffic_policy
  export_to         = each.value.export_to
  workload_selector = each.value.workload_selector
}
