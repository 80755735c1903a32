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
  description = "URLs that clients can call, by gateway."
  value       = { (lamia_gateway.gw_2.id) = [for path, service in local.paths : "http://${local.host}${path}"] }
}

output "addresses" {
  description = "The address of each host name, for DNS records."
  value       = { for host in lamia_gateway.gw_2.servers[0].hosts : host => lamia_gateway.gw_2.address }
}

output "routing" {
  description = "The objects that decide on routes, for the function route."
  value = {
    gateways          = [lamia_gateway.gw_2]
    virtual_services  = [lamia_virtual_service.vs_3]
    destination_rules = [lamia_destination_rule.dr_2]
    services          = [lamia_service.svc_2]
  }
}
