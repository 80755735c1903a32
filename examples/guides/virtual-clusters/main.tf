terraform {
  required_providers {
    lamia = {
      source = "magneticio/lamia"
    }
  }
}

variable "namespace" {
  description = "The team's namespace."
  type        = string
  default     = "vamp-test1"
}

data "lamia_virtual_cluster" "team" {
  name = var.namespace
}

locals {
  # The Deployments with the label app=app1.
  application = data.lamia_virtual_cluster.team.applications["app1"]
}

resource "lamia_service" "app1" {
  namespace = var.namespace
  name      = "app1"

  selector = { app = "app1" }

  # The ports that the containers listen on.
  ports = [for port in local.application.container_ports : {
    name        = port.name
    port        = port.port
    target_port = port.port
    protocol    = port.protocol
  }]
}

resource "lamia_destination_rule" "app1" {
  namespace = var.namespace
  name      = "app1"

  host = lamia_service.app1.host

  # A subset for each version that runs.
  subsets = [for version, labels in local.application.versions : { name = version, labels = labels }]
}

resource "lamia_virtual_service" "app1" {
  namespace = var.namespace
  name      = "app1"

  hosts = [lamia_service.app1.host]

  # Requests that name a version get that version. All others get the first one.
  http = concat(
    [for subset in lamia_destination_rule.app1.subsets : {
      match = [{ headers = { x-version = { exact = subset.name } } }]
      route = [{ destination = { host = lamia_service.app1.host, subset = subset.name } }]
    }],
    [{
      match = null
      route = [{ destination = { host = lamia_service.app1.host, subset = "version1" } }]
    }],
  )
}

output "versions" {
  value = keys(local.application.versions)
}
