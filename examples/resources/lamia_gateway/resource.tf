# A gateway with proxies and an address of its own
resource "lamia_gateway" "gw_1" {
  namespace = "vamp-test1"
  name      = "gw-1"

  servers = [{
    port  = { number = 80, name = "http", protocol = "HTTP" }
    hosts = ["vamp-gw1-test.democluster.net", "vamp-gw1-alt-test.democluster.net"]
  }]

  # Makes an apply fail that does not see all of the gateway ready, which is a warning when it is created; the next apply finishes it either way.
  lifecycle {
    postcondition {
      condition     = alltrue([for state in self.companions : state == "in sync"])
      error_message = "The gateway is not complete yet. Apply again."
    }
  }
}

# Known after the apply, for a DNS record of the hosts
output "gw_1_address" {
  value = lamia_gateway.gw_1.address
}

# The same, tuned: every attribute of workload has a default
resource "lamia_gateway" "gw_2" {
  namespace = "vamp-test2"
  name      = "gw-2"

  servers = [{
    port  = { number = 443, name = "https", protocol = "HTTPS" }
    hosts = ["vamp-gw2-test.democluster.net"]
    tls   = { mode = "SIMPLE", credential_name = "gw-2-certificate" }
  }]

  workload = {
    autoscaling = { min_replicas = 2, max_replicas = 10 }
    resources   = { requests = { cpu = "500m" } }
    service = {
      annotations             = { "service.beta.kubernetes.io/aws-load-balancer-type" = "nlb" }
      external_traffic_policy = "Local"
    }
  }
}

# A gateway that uses proxies that are there already
resource "lamia_gateway" "shared" {
  namespace = "vamp-test3"
  name      = "shared"

  selector = { istio = "ingressgateway" }

  servers = [{
    port  = { number = 80, name = "http", protocol = "HTTP" }
    hosts = ["vamp-test3/*"]
  }]
}
