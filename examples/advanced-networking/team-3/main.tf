# What team 2's gateway serves, as a part of the mesh. Istio retries a call from a pod that gets no connection, and gives up one that takes
# longer than three seconds. It passes on an error of the application's own, such as 503, unless "retry_on" says otherwise.

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

  hosts = lamia_service_entry.se_1.hosts # no gateways: the rule is for the proxies of the mesh

  http = [{
    route = [{
      destination = { host = lamia_service_entry.se_1.hosts[0] } # the entry has one port, so none needs to be named
    }]
    retries = {
      attempts        = 5
      per_try_timeout = "3s"
    }
  }]
}
