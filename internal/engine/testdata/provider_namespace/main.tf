variable "namespace" {
  type = string
}

provider "lamia" {
  namespace = var.namespace
}

resource "lamia_service_entry" "test" {
  name  = "test"
  hosts = ["a.example.com"]
  ports = [{ number = 80, name = "http", protocol = "HTTP" }]
}
