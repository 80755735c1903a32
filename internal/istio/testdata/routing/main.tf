variable "namespace" {
  type = string
}

variable "ports" { # of the versions' servers
  type = map(number)
}

variable "weights" {
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

resource "lamia_destination_rule" "echo" {
  namespace = var.namespace
  name      = "echo"
  host      = lamia_service_entry.echo.hosts[0]
  subsets   = [for version, port in var.ports : { name = version, labels = { version = version } }]
}

# The same host on a gateway. It is older, but does not apply to the mesh.
resource "lamia_virtual_service" "at_gateway" {
  namespace = var.namespace
  name      = "at-gateway"
  hosts     = lamia_service_entry.echo.hosts
  gateways  = ["gateway"]
  http      = [{ route = [{ destination = { host = lamia_destination_rule.echo.host } }] }]
}

resource "lamia_virtual_service" "echo" {
  namespace = var.namespace
  name      = "echo"
  hosts     = lamia_service_entry.echo.hosts

  http = [
    {
      match = [{ headers = { x-version = { exact = "v2" } } }]
      route = [{ destination = { host = lamia_destination_rule.echo.host, subset = "v2" } }]
    },
    {
      match = [{ headers = { x-try = { exact = "fault" } } }]
      fault = { abort = { percentage = { value = 100 }, grpc_status = "DATA_LOSS" } }
      route = [{ destination = { host = lamia_destination_rule.echo.host } }]
    },
    {
      match   = [{ headers = { x-try = { exact = "timeout" } } }]
      timeout = "100ms"
      route   = [{ destination = { host = lamia_destination_rule.echo.host } }]
    },
    {
      match   = [{ headers = { x-try = { exact = "retries" } } }]
      retries = { attempts = 4, retry_on = "unavailable" }
      route   = [{ destination = { host = lamia_destination_rule.echo.host } }]
    },
    {
      route = [for version, weight in var.weights :
        { destination = { host = lamia_destination_rule.echo.host, subset = version }, weight = weight }
      ]
    },
  ]

  depends_on = [lamia_virtual_service.at_gateway]
}
