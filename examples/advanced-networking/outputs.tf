output "urls" {
  description = "URLs that clients can call, by gateway."
  value       = merge(module.team_1.urls, module.team_2.urls)
}

output "services" {
  description = "Addresses of the applications inside the cluster."
  value       = [for service in [module.team_1.service, module.team_2.service] : "${service.host}:${service.port}"]
}

output "addresses" {
  description = "The address of each host name, for DNS records."
  value       = merge(module.team_1.addresses, module.team_2.addresses)
}

output "routing" {
  description = "The objects that decide on routes, for the function route."
  value = {
    gateways          = concat(module.team_1.routing.gateways, module.team_2.routing.gateways)
    virtual_services  = concat(module.team_1.routing.virtual_services, module.team_2.routing.virtual_services, module.team_3.routing.virtual_services)
    destination_rules = concat(module.team_1.routing.destination_rules, module.team_2.routing.destination_rules)
    services          = concat(module.team_1.routing.services, module.team_2.routing.services)
    service_entries   = module.team_3.routing.service_entries
  }
}
