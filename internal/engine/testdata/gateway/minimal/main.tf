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

resource "lamia_gateway" "test" {
  namespace   = var.namespace
  name        = "test"
  labels      = var.labels
  annotations = var.annotations

  selector = { istio = "nobody" }

  servers = [{
    port  = { number = 80, name = "http", protocol = "HTTP" }
    hosts = ["a.example.com"]
  }]
}
