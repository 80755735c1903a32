variable "namespace" {
  type = string
}

resource "lamia_service_entry" "test" {
  namespace = var.namespace
  name      = "test"
  hosts     = ["a.example.com"]
  ports     = [{ number = 80, name = "http", protocol = "HTTP" }]

  timeouts = { delete = "2s" }
}
