# A test of routes, such as tests/routes.tftest.hcl. It plans, and sends no request.
run "routes" {
  command = plan

  assert {
    condition = provider::lamia::route({
      gateways          = [lamia_gateway.web]
      virtual_services  = [lamia_virtual_service.web]
      destination_rules = [lamia_destination_rule.web]
      services          = [lamia_service.web]
    }, { gateway = lamia_gateway.web.id, host = "www.example.com", path = "/cart" }).destinations[*].subset == tolist(["v2"])

    error_message = "The cart is served by version 2."
  }
}
