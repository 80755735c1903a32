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

resource "lamia_destination_rule" "test" {
  namespace   = var.namespace
  name        = "test"
  labels      = var.labels
  annotations = var.annotations

  host = "svc"

  subsets = [
    { name = "one", labels = { version = "v1" } },
  ]
}
