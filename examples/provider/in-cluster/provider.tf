terraform {
  required_providers {
    lamia = {
      source  = "magneticio/lamia"
      version = "~> 0.1"
    }
  }
}

# In a pod: the address, the certificate authority and the token are those of its service account.
provider "lamia" {}
