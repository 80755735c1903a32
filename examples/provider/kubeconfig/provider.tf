terraform {
  required_providers {
    lamia = {
      source  = "magneticio/lamia"
      version = "~> 0.1"
    }
  }
}

provider "lamia" {
  config_path    = "~/.kube/config"
  config_context = "production" # the default is the file's current context
}
