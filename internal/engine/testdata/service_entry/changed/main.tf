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

resource "lamia_service_entry" "test" {
  namespace   = var.namespace
  name        = "test"
  labels      = var.labels
  annotations = var.annotations

  hosts      = ["a.example.com"]
  resolution = "DNS"

  ports = [
    { number = 80, name = "http", protocol = "HTTP" },
    { number = 443, name = "tls", protocol = "TLS" },
  ]
}
