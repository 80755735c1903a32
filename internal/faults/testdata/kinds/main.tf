# Resources of each kind, by the keys of cells, which have a namespace and a name.

variable "cells" {
  type = map(object({ kind = string, namespace = string, name = string, type = string }))
}

variable "changed" {
  type    = bool
  default = false
}

variable "suffix" { # another name makes another object
  type    = string
  default = ""
}

resource "lamia_service" "test" {
  for_each = { for key, cell in var.cells : key => cell if cell.kind == "service" }

  namespace = each.value.namespace
  name      = "${each.value.name}${var.suffix}"

  selector = { app = "a" }
  ports    = [{ port = var.changed ? 81 : 80 }]
}

resource "lamia_destination_rule" "test" {
  for_each = { for key, cell in var.cells : key => cell if cell.kind == "destination_rule" }

  namespace = each.value.namespace
  name      = "${each.value.name}${var.suffix}"

  host           = "${each.key}${var.suffix}.example.com"
  traffic_policy = { load_balancer = { simple = var.changed ? "RANDOM" : "ROUND_ROBIN" } }
}

resource "lamia_service_entry" "test" {
  for_each = { for key, cell in var.cells : key => cell if cell.kind == "service_entry" }

  namespace = each.value.namespace
  name      = "${each.value.name}${var.suffix}"

  hosts      = ["${each.key}${var.suffix}.example.com"]
  resolution = "DNS"
  ports      = [{ number = var.changed ? 81 : 80, name = "http", protocol = "HTTP" }]
}

resource "lamia_virtual_service" "test" {
  for_each = { for key, cell in var.cells : key => cell if cell.kind == "virtual_service" }

  namespace = each.value.namespace
  name      = "${each.value.name}${var.suffix}"

  hosts = ["${each.key}${var.suffix}.example.com"]
  http = [{
    route   = [{ destination = { host = "svc" } }]
    timeout = var.changed ? "2s" : "1s"
  }]
}

resource "lamia_gateway" "test" {
  for_each = { for key, cell in var.cells : key => cell if cell.kind == "gateway" }

  namespace = each.value.namespace
  name      = "${each.value.name}${var.suffix}"

  servers = [{
    port  = { number = 80, name = "http", protocol = "HTTP" }
    hosts = ["${each.key}${var.suffix}.example.com"]
  }]
  workload = {
    replicas        = 0
    pod_annotations = var.changed ? { "example.com/changed" = "yes" } : null
    service         = { type = each.value.type, labels = var.changed ? { changed = "yes" } : null }
  }
}
