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

resource "lamia_envoy_filter" "test" {
  namespace   = var.namespace
  name        = "test"
  labels      = var.labels
  annotations = var.annotations

  config_patches = [{
    apply_to = "CLUSTER"
    patch    = { operation = "MERGE", value = jsonencode({ name = "a" }) }
  }]
}
