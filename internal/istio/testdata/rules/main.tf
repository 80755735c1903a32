# Values that are unknown until another resource is created break no rule before.

variable "namespace" {
  type = string
}

variable "port" {
  type = number
}

resource "terraform_data" "later" {
  input = { port = var.port, name = "later", host = "a.example.com", cidr = "10.0.0.0/8", protocol = "HTTP" }
}

locals {
  later = terraform_data.later.output
}

resource "lamia_gateway" "later" {
  namespace = var.namespace
  name      = local.later.name
  selector  = { app = "a" }
  servers   = [{ hosts = [local.later.host], port = { number = local.later.port, name = local.later.name, protocol = local.later.protocol } }]
}

resource "lamia_virtual_service" "later" {
  namespace = var.namespace
  name      = "later"
  hosts     = [local.later.host]
  gateways  = [lamia_gateway.later.id]
  http      = local.later.protocol == "HTTP" ? [{ route = [{ destination = { host = "a" } }] }] : null
  tcp       = local.later.protocol == "HTTP" ? null : [{ route = [{ destination = { host = "a" } }] }]
}

resource "lamia_destination_rule" "later" {
  namespace         = var.namespace
  name              = "later"
  host              = local.later.host
  subsets           = [for i in [1, 2] : { name = "${local.later.name}-${i}", labels = { version = local.later.name } }]
  workload_selector = { match_labels = { app = local.later.name } }
}

resource "lamia_service_entry" "later" {
  namespace  = var.namespace
  name       = "later"
  hosts      = ["b.example.com", local.later.host]
  addresses  = [local.later.cidr]
  resolution = local.later.protocol == "HTTP" ? "STATIC" : "DNS"
  ports      = [{ number = local.later.port, name = local.later.name, protocol = local.later.protocol }]
  endpoints  = [{ address = "10.0.0.1", ports = { later = 8080 } }]
}
