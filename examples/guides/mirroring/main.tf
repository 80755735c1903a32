terraform {
  required_providers {
    lamia = {
      source  = "magneticio/lamia"
      version = "~> 0.1"
    }
  }
}

resource "lamia_service" "shop" {
  name     = "shop"
  selector = { app = "shop" }
  ports    = [{ name = "http", port = 80, target_port = 8080 }]
}

resource "lamia_destination_rule" "shop" {
  name = "shop"
  host = lamia_service.shop.host

  subsets = [
    { name = "v1", labels = { version = "v1" } },
    { name = "v2", labels = { version = "v2" } },
  ]
}

resource "lamia_virtual_service" "shop" {
  name  = "shop"
  hosts = [lamia_service.shop.host]

  http = [
    # Requests of testers fail or are delayed, to test how callers handle that.
    {
      name  = "faults"
      match = [{ headers = { "x-tester" = { exact = "yes" } } }]
      route = [{ destination = { host = lamia_service.shop.host, subset = "v1" } }]

      fault = {
        delay = { fixed_delay = "2s", percentage = { value = 50 } }
        abort = { http_status = 503, percentage = { value = 10 } }
      }
    },
    # Version 2 gets a copy of every tenth request. Its answers are discarded.
    {
      name  = "mirror"
      route = [{ destination = { host = lamia_service.shop.host, subset = "v1" } }]

      mirrors = [{
        destination = { host = lamia_service.shop.host, subset = "v2" }
        percentage  = { value = 10 }
      }]
    },
  ]
}
