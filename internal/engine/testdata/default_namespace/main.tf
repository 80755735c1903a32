resource "lamia_service_entry" "test" {
  name  = "lamia-test-default-namespace"
  hosts = ["a.example.com"]
  ports = [{ number = 80, name = "http", protocol = "HTTP" }]
}
