output "service" {
  description = "The service, for the paths of other teams."
  value       = { host = lamia_service.app.host, port = lamia_service.app.ports[0].port }
}

output "gateway" {
  description = "The id of the gateway."
  value       = lamia_gateway.app.id
}

output "addresses" {
  description = "The address of each host name, for DNS records."
  value       = { for host in var.hosts : host => lamia_gateway.app.address }
}

output "routing" {
  description = "The team's objects, for the function route."
  value = {
    gateways          = [lamia_gateway.app]
    virtual_services  = [lamia_virtual_service.app]
    destination_rules = [lamia_destination_rule.app]
    services          = [lamia_service.app]
  }
}
