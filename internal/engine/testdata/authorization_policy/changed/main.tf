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

resource "lamia_authorization_policy" "test" {
  namespace   = var.namespace
  name        = "test"
  labels      = var.labels
  annotations = var.annotations

  action = "DENY"
  rules  = [{ from = [{ source = { namespaces = ["a"] } }] }]
}
