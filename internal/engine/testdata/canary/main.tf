variable "namespace" {
  type = string
}

variable "host" {
  type    = string
  default = "a.example.com"
}

resource "lamia_virtual_service" "test" {
  namespace = var.namespace
  name      = "test"
  hosts     = [var.host]

  http = [{
    route = [
      { destination = { host = "svc", subset = "stable" }, weight = 100 },
      { destination = { host = "svc", subset = "canary" }, weight = 0 },
    ]
  }]

  lifecycle {
    ignore_changes = [http]
  }
}
