resource "lamia_service" "public" {
  namespace = "vamp-test2"
  name      = "public"
  type      = "LoadBalancer"
  selector  = { app = "app2" }
  ports     = [{ name = "http", port = 80, target_port = 9090 }]

  load_balancer_source_ranges = ["192.0.2.0/24"]
}

output "public_address" {
  value = lamia_service.public.addresses
}
