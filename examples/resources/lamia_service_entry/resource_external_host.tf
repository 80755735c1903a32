resource "lamia_service_entry" "external" {
  namespace  = "vamp-test3"
  name       = "external"
  hosts      = ["maps.example.com"]
  location   = "MESH_EXTERNAL"
  resolution = "DNS"
  ports      = [{ number = 443, name = "https", protocol = "HTTPS" }]
}
