variable "namespace" {
  type = string
}

variable "ports" { # of the versions' servers
  type = map(number)
}

variable "versions" { # with their weights
  type = map(number)
}

resource "lamia_service_entry" "echo" {
  namespace  = var.namespace
  name       = "echo"
  hosts      = ["echo.${var.namespace}.test"]
  ports      = [{ number = 80, name = "grpc", protocol = "GRPC" }]
  resolution = "STATIC"
  endpoints = [for version, port in var.ports :
    { address = "127.0.0.1", ports = { grpc = port }, labels = { version = version } }
  ]
}

# As in the guide on virtual clusters: subsets and routes follow the versions.
resource "lamia_destination_rule" "echo" {
  namespace = var.namespace
  name      = "echo"
  host      = lamia_service_entry.echo.hosts[0]
  subsets   = [for version, weight in var.versions : { name = version, labels = { version = version } }]
}

resource "lamia_virtual_service" "echo" {
  namespace = var.namespace
  name      = "echo"
  hosts     = lamia_service_entry.echo.hosts

  http = [{
    route = [for i, version in keys(var.versions) :
      { destination = { host = lamia_destination_rule.echo.host, subset = lamia_destination_rule.echo.subsets[i].name }, weight = var.versions[version] }
    ]
  }]
}
