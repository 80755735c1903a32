resource "lamia_service" "svc_1" {
  namespace = "vamp-test1"
  name      = "svc-1"

  selector = { app = "app1" }

  ports = [{ port = 9090, target_port = 9090 }]
}
