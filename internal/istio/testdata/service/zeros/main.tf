variable "namespace" {
  type = string
}

resource "lamia_service" "test" {
  namespace     = var.namespace
  name          = "test"
  type          = "ExternalName"
  external_name = "example.com"
  headless      = false
  selector      = {}
  ports         = []
}
