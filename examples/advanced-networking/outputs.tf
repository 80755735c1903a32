output "urls" {
  description = "What can be called, by gateway."
  value       = merge(module.team_1.urls, module.team_2.urls)
}

output "services" {
  description = "Where the applications are inside the cluster."
  value       = [for service in [module.team_1.service, module.team_2.service] : "${service.host}:${service.port}"]
}

output "addresses" {
  description = "What DNS is to say: the address of each host name."
  value       = merge(module.team_1.addresses, module.team_2.addresses)
}
