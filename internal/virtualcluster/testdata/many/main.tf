terraform {
  required_providers {
    lamia = {
      source = "magneticio/lamia"
    }
  }
}

variable "label_selector" {
  type    = string
  default = null
}

data "lamia_virtual_clusters" "test" {
  label_selector = var.label_selector
}

output "test" {
  value = data.lamia_virtual_clusters.test
}
