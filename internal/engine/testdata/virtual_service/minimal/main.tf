variable "namespace" {
  type = string
}

variable "labels" {
  type    = map(string)
  default = null
}

variable "annotations" {
  type    = map(string)
  default = null
}

resource "lamia_virtual_service" "test" {
  namespace   = var.namespace
  name        = "test"
  labels      = var.labels
  annotations = var.annotations

  hosts = ["a.example.com"]

  http = [{
    route = [{
      destination = { host = "svc", subset = "one" }
    }]
  }]
}
