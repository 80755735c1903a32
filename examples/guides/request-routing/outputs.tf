# The objects that determine the routes. Objects of other teams can be added as values.
output "routing" {
  value = {
    gateways          = [lamia_gateway.web]
    virtual_services  = [lamia_virtual_service.shop]
    destination_rules = [lamia_destination_rule.shop]
    services          = [lamia_service.shop]
  }
}
