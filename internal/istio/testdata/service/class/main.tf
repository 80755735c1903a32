variable "namespace" {
  type = string
}

variable "class" {
  type = string
}

variable "health_check" {
  type    = number
  default = 30021
}

resource "lamia_service" "test" {
  namespace = var.namespace
  name      = "test"
  type      = "LoadBalancer"
  selector  = { app = "a" }
  ports     = [{ port = 80, node_port = 30022 }]
  wait      = false # no controller serves these classes

  load_balancer_class               = var.class
  load_balancer_ip                  = "192.0.2.1"
  load_balancer_source_ranges       = ["10.0.0.0/8"]
  external_traffic_policy           = "Local"
  health_check_node_port            = var.health_check
  allocate_load_balancer_node_ports = false
}
