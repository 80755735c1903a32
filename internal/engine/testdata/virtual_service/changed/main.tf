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

  hosts     = ["a.example.com"]
  export_to = ["."]

  http = [{
    timeout = "5s"
    route = [{
      destination = { host = "svc", subset = "two" }
    }]
  }]
}
