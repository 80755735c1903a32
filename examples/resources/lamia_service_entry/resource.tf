resource "lamia_service_entry" "se_1" {
  namespace = "vamp-test3"
  name      = "se-1"

  hosts = ["vamp-gw2-test.democluster.net"]

  ports = [{ number = 80, name = "http", protocol = "HTTP" }]
}
