provider "lamia" {
  host                   = var.host
  cluster_ca_certificate = base64decode(var.ca_certificate)
  token_file             = "/run/secrets/cluster/token"
}
