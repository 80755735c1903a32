terraform {
  required_providers {
    lamia = {
      source = "magneticio/lamia"
    }
  }
}

provider "lamia" {
  config_path    = "~/.kube/config"
  config_context = "democluster"
  namespace      = "vamp-test1"
}
