output "service" {
  description = "The service for others to call, in its third version."
  value = {
    host   = lamia_service.svc_1.host
    port   = lamia_service.svc_1.ports[0].port
    subset = local.subsets["version3"]
  }
}

output "urls" {
  description = "URLs that clients can call, by gateway."
  value       = { (lamia_gateway.gw_1.id) = [for host in lamia_gateway.gw_1.servers[0].hosts : "http://${host}"] }
}

output "addresses" {
  description = "The address of each host name, for DNS records."
  value       = { for host in lamia_gateway.gw_1.servers[0].hosts : host => lamia_gateway.gw_1.address }
}

output "routing" {
  description = "The objects that decide on routes, for the function route."
  value = {
    gateways          = [lamia_gateway.gw_1]
    virtual_services  = [lamia_virtual_service.vs_1, lamia_virtual_service.vs_2]
    destination_rules = [lamia_destination_rule.dr_1]
    services          = [lamia_service.svc_1]
  }
}
