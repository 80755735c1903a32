terraform {
  required_version = ">= 1.8" # the first version with provider functions

  required_providers {
    lamia = {
      source = "magneticio/lamia"
    }
  }
}

resource "lamia_virtual_service" "shop" {
  namespace = "shop"
  name      = "shop"
  hosts     = ["www.example.com"]
  gateways  = ["web"]

  http = [
    { match = [{ uri = { prefix = "/cart" } }], route = [{ destination = { host = "shop", subset = "v2" } }] },
    { route = [{ destination = { host = "shop", subset = "v1" } }] },
  ]
}

resource "lamia_destination_rule" "shop" {
  namespace = "shop"
  name      = "shop"
  host      = "shop"
  subsets   = [for version in ["v1", "v2"] : { name = version, labels = { version = version } }]
}

# Each plan checks where a request goes. An assert in a test file of terraform test can have the same condition.
check "cart" {
  assert {
    condition = provider::lamia::route(
      {
        virtual_services  = [lamia_virtual_service.shop]
        destination_rules = [lamia_destination_rule.shop]
        # Other teams' objects, with the attributes that matter.
        gateways = [{ namespace = "shop", name = "web", servers = [{ port = { number = 80, name = "http", protocol = "HTTP" }, hosts = ["*"] }] }]
        services = [{ namespace = "shop", name = "shop", ports = [{ name = "http", port = 80 }] }]
      },
      { gateway = "shop/web", host = "www.example.com", path = "/cart" },
    ).destinations[*].subset == tolist(["v2"])

    error_message = "Version 2 does not serve the cart."
  }
}
