# The host of team 2's gateway as a part of the mesh. For calls from pods, Istio retries failed connections, and gives up after three
# seconds. It does not retry errors of the application itself, such as 503, unless "retry_on" includes them.

terraform {
  required_providers {
    lamia = {
      source = "magneticio/lamia"
    }
  }
}

resource "lamia_service_entry" "se_1" {
  namespace = var.namespace
  name      = "se-1"

  hosts = [var.entry.host]
  ports = [var.entry.port]
}

resource "lamia_virtual_service" "vs_4" {
  namespace = var.namespace
  name      = "vs-4"

  hosts = lamia_service_entry.se_1.hosts # without gateways, the rule applies to the proxies of the mesh

  http = [{
    route = [{
      destination = { host = lamia_service_entry.se_1.hosts[0] } # the entry has only one port, so this needs no port
    }]
    retries = {
      attempts        = 5
      per_try_timeout = "3s"
    }
  }]
}
