# Three teams, each with its own namespace, application and routing. A team's module needs permissions only in the
# team's namespace. Here, the modules pass on what one team offers to another.

terraform {
  required_version = ">= 1.5"

  required_providers {
    lamia = {
      source = "magneticio/lamia"
    }
  }
}

# KUBE_CONFIG_PATH or the provider's other environment variables select the cluster.
provider "lamia" {}

locals {
  # The port of all gateways.
  gateway_port = { number = 80, name = "http", protocol = "HTTP" }
}

module "team_1" {
  source = "./team-1"

  namespace    = var.namespaces.team_1
  domain       = var.domain
  gateway_port = local.gateway_port
}

module "team_2" {
  source = "./team-2"

  namespace    = var.namespaces.team_2
  domain       = var.domain
  gateway_port = local.gateway_port
  service_1    = module.team_1.service
}

module "team_3" {
  source = "./team-3"

  namespace = var.namespaces.team_3
  entry     = module.team_2.entry
}
