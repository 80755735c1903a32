variable "namespace" {
  type = string
}

resource "lamia_service" "test" {
  namespace = var.namespace
  name      = "test"
  selector  = { app = "a" }

  ports = [
    { name = "web", port = 80, target_port = "http", app_protocol = "http" },
    { name = "metrics", port = 9090, target_port = 19090 },
    { name = "dns", port = 53, protocol = "UDP" },
    { name = "admin", port = 8080, target_port = 8080, protocol = "TCP" },
  ]
}
