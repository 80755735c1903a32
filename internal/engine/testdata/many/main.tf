variable "namespace" {
  type = string
}

variable "objects" {
  type    = number
  default = 6
}

resource "lamia_service_entry" "test" {
  count = var.objects

  namespace = var.namespace
  name      = "test-${count.index}"
  hosts     = ["${count.index}.example.com"]
  ports     = [{ number = 80, name = "http", protocol = "HTTP" }]
}
