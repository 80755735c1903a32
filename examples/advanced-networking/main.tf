# Three teams, each with a namespace, an application and routing of its own. A team's module needs rights in the
# team's namespace only; what one team offers another goes from module to module here.

terraform {
  required_version = ">= 1.5"

  required_providers {
    lamia = {
      source = "magneticio/lamia"
    }
  }
}

# Which cluster: KUBE_CONFIG_PATH or any other of the provider's environment variables.
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
