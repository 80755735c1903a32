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

resource "lamia_workload_entry" "test" {
  namespace   = var.namespace
  name        = "test"
  labels      = var.labels
  annotations = var.annotations

  address         = "10.0.0.2"
  workload_labels = { app = "a", version = "v2" }
  weight          = 3
}
