terraform {
  required_providers {
    lamia = {
      source  = "magneticio/lamia"
      version = "~> 0.1"
    }
  }
}

variable "host" {
  description = "URL of the API server."
  type        = string
}

variable "ca_certificate" {
  description = "PEM of the certificate authority of the API server, base64-encoded."
  type        = string
}

provider "lamia" {
  host                   = var.host
  cluster_ca_certificate = base64decode(var.ca_certificate)
  token_file             = "/run/secrets/cluster/token"
}
