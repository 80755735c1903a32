provider "lamia" {
  host                   = "https://${var.host}"
  cluster_ca_certificate = base64decode(var.ca_certificate)

  exec {
    api_version = "client.authentication.k8s.io/v1beta1"
    command     = "gke-gcloud-auth-plugin"
  }
}
