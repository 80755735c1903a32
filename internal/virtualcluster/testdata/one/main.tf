terraform {
  required_providers {
    lamia = {
      source = "magneticio/lamia"
    }
  }
}

variable "name" {
  type = string
}

variable "label_selector" {
  type    = string
  default = null
}

variable "application_labels" {
  type    = list(string)
  default = null
}

variable "version_labels" {
  type    = list(string)
  default = null
}

data "lamia_virtual_cluster" "test" {
  name               = var.name
  label_selector     = var.label_selector
  application_labels = var.application_labels
  version_labels     = var.version_labels
}

# Changes in the cluster are shown in a plan.
output "test" {
  value = data.lamia_virtual_cluster.test
}
