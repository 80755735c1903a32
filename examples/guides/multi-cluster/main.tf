# The three teams of examples/advanced-networking. Team 3 is in a second cluster.

terraform {
  required_providers {
    lamia = {
      source  = "magneticio/lamia"
      version = "~> 0.1"
    }
  }
}

variable "kubeconfigs" {
  description = "Kubeconfig of each cluster."
  type        = object({ first = string, second = string })
}

variable "namespaces" {
  description = "Namespaces of the teams, with the Deployments of their applications."
  type        = object({ team_1 = string, team_2 = string, team_3 = string })
  default     = { team_1 = "vamp-test1", team_2 = "vamp-test2", team_3 = "vamp-test3" }
}

variable "domain" {
  description = "Domain of the host names that the gateways serve."
  type        = string
  default     = "democluster.net"
}

provider "lamia" {
  config_path = var.kubeconfigs.first
}

provider "lamia" {
  alias       = "second"
  config_path = var.kubeconfigs.second
}

locals {
  gateway_port = { number = 80, name = "http", protocol = "HTTP" }
}

module "team_1" {
  source = "../../advanced-networking/team-1"

  namespace    = var.namespaces.team_1
  domain       = var.domain
  gateway_port = local.gateway_port
}

module "team_2" {
  source = "../../advanced-networking/team-2"

  namespace    = var.namespaces.team_2
  domain       = var.domain
  gateway_port = local.gateway_port
  service_1    = module.team_1.service
}

# Calls team 2's gateway by its host name, like any client outside of the first cluster.
module "team_3" {
  source    = "../../advanced-networking/team-3"
  providers = { lamia = lamia.second }

  namespace = var.namespaces.team_3
  entry     = module.team_2.entry
}

output "addresses" {
  description = "The address of each host name, for DNS records in both clusters."
  value       = merge(module.team_1.addresses, module.team_2.addresses)
}
