variables {
  request = { host = "shop.example.com" }
}

run "routes" {
  command = plan # nothing is created

  assert {
    condition = { for d in provider::lamia::route(output.routing, merge(var.request, { gateway = output.routing.gateways[0].id, path = "/cart" })).destinations :
      d.subset => d.share
    } == { v1 = 0.9, v2 = 0.1 }
    error_message = "Version 2 gets a tenth of the requests to the cart."
  }

  assert {
    condition     = provider::lamia::route(output.routing, merge(var.request, { gateway = output.routing.gateways[0].id })).timeout == "5s"
    error_message = "The home page has a timeout."
  }

  assert {
    condition     = provider::lamia::route(output.routing, { gateway = output.routing.gateways[0].id, host = "other.example.com" }).outcome == "not_found"
    error_message = "The gateway serves no other host."
  }
}
