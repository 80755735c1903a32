data "lamia_gateway" "shared" {
  namespace = "vamp-test1"
  name      = "gw-1"
}

output "address" {
  value = data.lamia_gateway.shared.address
}
