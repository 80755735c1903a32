output "routing" {
  description = "What decides on routes, for the function route."
  value = {
    virtual_services = [lamia_virtual_service.vs_4]
    service_entries  = [lamia_service_entry.se_1]
  }
}
