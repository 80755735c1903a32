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
