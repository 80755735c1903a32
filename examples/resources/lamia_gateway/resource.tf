resource "lamia_gateway" "gw_1" {
  namespace = "vamp-test1"
  name      = "gw-1"

  servers = [{
    port  = { number = 80, name = "http", protocol = "HTTP" }
    hosts = ["vamp-gw1-test.democluster.net", "vamp-gw1-alt-test.democluster.net"]
  }]

  # By default, a new gateway that is not ready in time is only a warning. With this postcondition, the first apply fails.
  lifecycle {
    postcondition {
      condition     = alltrue([for state in self.companions : state == "in sync"])
      error_message = "The gateway is not complete yet. Apply again."
    }
  }
}

# For a DNS record of the hosts
output "gw_1_address" {
  value = lamia_gateway.gw_1.address
}
