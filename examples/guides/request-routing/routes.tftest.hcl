run "routes" {
  command = plan # nothing is created

  assert {
    condition = provider::lamia::route(output.routing, {
      gateway = output.routing.gateways[0].id, host = "shop.example.com", headers = { x-tester = "yes" }
    }).destinations[0].subset == "v2"
    error_message = "Testers do not get version 2."
  }

  assert {
    condition = provider::lamia::route(output.routing, {
      gateway = output.routing.gateways[0].id, host = "shop.example.com", path = "/api/items"
    }).path == "/items"
    error_message = "The application does not get /items for /api/items."
  }

  assert {
    condition = provider::lamia::route(output.routing, {
      gateway = output.routing.gateways[0].id, host = "shop.example.com", path = "/old"
    }).status == 301
    error_message = "The old page is not redirected."
  }

  assert {
    condition = provider::lamia::route(output.routing, {
      gateway = output.routing.gateways[0].id, host = "shop.example.com"
    }).destinations[0].subset == "v1"
    error_message = "Version 1 does not get all other requests."
  }

  assert {
    condition = provider::lamia::route(output.routing, {
      gateway = output.routing.gateways[0].id, host = "other.example.com"
    }).outcome == "not_found"
    error_message = "The gateway serves another host."
  }
}
