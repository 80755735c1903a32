variable "namespace" {
  type = string
}

variable "timeout" {
  type    = string
  default = "1s"
}

resource "lamia_virtual_service" "test" {
  namespace = var.namespace
  name      = "test"
  labels    = { timeout = var.timeout }
  hosts     = ["a.example.com"]

  http = [{
    timeout = var.timeout
    route   = [{ destination = { host = "svc" } }]
  }]
}
