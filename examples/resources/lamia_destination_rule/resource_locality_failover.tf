resource "lamia_destination_rule" "locality" {
  namespace = "vamp-test3"
  name      = "locality"
  host      = "svc-4"

  traffic_policy = {
    load_balancer = {
      locality_lb_setting = {
        failover = [{ from = "us-east1", to = "us-west1" }] # if no pod in us-east1 is healthy
      }
    }

    outlier_detection = { consecutive_5xx_errors = 5 } # decides which pods are healthy; without it, there is no failover
  }
}
