variable "namespace" {
  type = string
}

variable "class" {
  type = string
}

resource "lamia_service" "test" {
  namespace = var.namespace
  name      = "test"
  type      = "LoadBalancer"
  selector  = { app = "a" }
  ports     = [{ port = 80 }]
  wait      = false # nobody serves these classes

  load_balancer_class               = var.class
  load_balancer_ip                  = "192.0.2.1"
  load_balancer_source_ranges       = ["10.0.0.0/8"]
  external_traffic_policy           = "Local"
  allocate_load_balancer_node_ports = false
}
