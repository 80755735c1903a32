variable "namespace" {
  type = string
}

resource "lamia_virtual_service" "test" {
  namespace = var.namespace
  name      = "test"
  hosts     = ["warnings.example.com"]
  http = [
    { route = [{ destination = { host = "a" } }] },
    { match = [{ uri = { prefix = "/service1" } }], rewrite = { uri = "/" }, route = [{ destination = { host = "a" } }] },
  ]
}
