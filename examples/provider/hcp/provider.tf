# HCP Terraform sets this variable.
variable "tfc_kubernetes_dynamic_credentials" {
  type = object({
    default = object({ token_path = string })
    aliases = map(object({ token_path = string }))
  })
}

provider "lamia" {
  host                   = var.host
  cluster_ca_certificate = base64decode(var.ca_certificate)
  token_file             = var.tfc_kubernetes_dynamic_credentials.default.token_path
}
