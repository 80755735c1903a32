provider "lamia" {
  host                   = var.host
  cluster_ca_certificate = base64decode(var.ca_certificate)

  exec {
    api_version = "client.authentication.k8s.io/v1beta1"
    command     = "kubelogin"
    args = [
      "get-token",
      "--login", "azurecli",                                 # or workloadidentity, in CI
      "--server-id", "6dae42f8-4368-4678-94ff-3960e28e3630", # the same for all AKS clusters
    ]
  }
}
