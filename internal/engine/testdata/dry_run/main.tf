variable "namespace" {
  type = string
}

variable "dry_run" {
  type    = string
  default = null
}

variable "name" {
  type    = string
  default = "test"
}

variable "host" {
  type    = string
  default = "a.example.com"
}

provider "lamia" {
  dry_run = var.dry_run
}

resource "lamia_virtual_service" "test" {
  namespace = var.namespace
  name      = var.name
  hosts     = [var.host]
  http      = [{ route = [{ destination = { host = "svc" } }] }]
}

resource "lamia_service" "test" {
  namespace = var.namespace
  name      = var.name
  ports     = [{ port = 80 }]
}
