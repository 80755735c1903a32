variable "token" {
  description = "Token of a service account: kubectl create token NAME -n NAMESPACE."
  type        = string
  sensitive   = true
  ephemeral   = true # Terraform 1.10
}

provider "lamia" {
  host                   = var.host
  cluster_ca_certificate = base64decode(var.ca_certificate)
  token                  = var.token
}
