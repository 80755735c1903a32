variable "namespace" {
  type = string
}

resource "lamia_service_entry" "test" {
  count = 6

  namespace = var.namespace
  name      = "test-${count.index}"
  hosts     = ["${count.index}.example.com"]
  ports     = [{ number = 80, name = "http", protocol = "HTTP" }]
}
