variable "namespace" {
  type = string
}

variable "timeout" {
  type = string
}

resource "lamia_service" "test" {
  namespace = var.namespace
  name      = "test"
  type      = "LoadBalancer"
  selector  = { app = "a" }
  ports     = [{ port = 80 }]
  timeouts  = { create = var.timeout }
}
