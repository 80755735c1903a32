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

resource "lamia_service" "test" {
  namespace   = var.namespace
  name        = "test"
  labels      = var.labels
  annotations = var.annotations

  selector = { app = "a" }

  ports = [{ name = "http", port = 80, target_port = 8080 }]
}
