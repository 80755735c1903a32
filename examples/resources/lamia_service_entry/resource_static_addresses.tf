resource "lamia_service_entry" "database" {
  namespace  = "vamp-test3"
  name       = "database"
  hosts      = ["database.example.com"]
  location   = "MESH_EXTERNAL"
  resolution = "STATIC"
  ports      = [{ number = 5432, name = "tcp-postgres", protocol = "TCP" }]

  endpoints = [
    { address = "192.0.2.10", locality = "us-east1/us-east1-b" },
    { address = "192.0.2.11", locality = "us-east1/us-east1-c" },
  ]
}
