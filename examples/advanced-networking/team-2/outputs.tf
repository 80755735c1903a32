output "service" {
  description = "The service for others to call."
  value       = local.paths["/service2"]
}

output "entry" {
  description = "The host name and the port of the gateway."
  value = {
    host = local.host
    port = lamia_gateway.gw_2.servers[0].port
  }
}

output "urls" {
  description = "What can be called, by gateway."
  value       = { (lamia_gateway.gw_2.id) = [for path, service in local.paths : "http://${local.host}${path}"] }
}

output "addresses" {
  description = "What DNS is to say: the address of each host name."
  value       = { for host in lamia_gateway.gw_2.servers[0].hosts : host => lamia_gateway.gw_2.address }
}

output "routing" {
  description = "What decides on routes, for the function route."
  value = {
    gateways          = [lamia_gateway.gw_2]
    virtual_services  = [lamia_virtual_service.vs_3]
    destination_rules = [lamia_destination_rule.dr_2]
    services          = [lamia_service.svc_2]
  }
}
