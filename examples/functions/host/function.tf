terraform {
  required_version = ">= 1.8" # the first version with provider functions

  required_providers {
    lamia = {
      source = "magneticio/lamia"
    }
  }
}

# svc-1.vamp-test1.svc.cluster.local
output "host" {
  value = provider::lamia::host("svc-1", "vamp-test1")
}

# svc-1.vamp-test1.svc.example.org, in a cluster whose domain is not cluster.local
output "host_of_domain" {
  value = provider::lamia::host("svc-1", "vamp-test1", "example.org")
}
