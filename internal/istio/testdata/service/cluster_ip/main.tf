variable "namespace" {
  type = string
}

resource "lamia_service" "test" {
  namespace = var.namespace
  name      = "test"
  selector  = { app = "a" }
  ports     = [{ port = 80 }]
}
