terraform {
  required_providers {
    lamia = {
      source = "magneticio/lamia"
    }
  }
}

variable "namespace" {
  type = string
}

# The IP of a pod of the application.
variable "pod" {
  type = string
}

# The image of a container next to the proxy.
variable "image" {
  type = string
}

variable "http3" {
  type = bool
}

locals {
  version = { for version in ["v1", "v2"] : version => [{ destination = { host = lamia_service.app.host, port = { number = 80 }, subset = version } }] }
}

resource "lamia_service" "app" {
  namespace = var.namespace
  name      = "app"
  selector  = { app = "app" }

  ports = [
    { name = "http", port = 80, target_port = 9090 },
    { name = "grpc", port = 81, target_port = 9090 },
    { name = "tls", port = 443, target_port = 9090 },
    { name = "tcp", port = 9000, target_port = 9090 },
  ]
}

resource "lamia_destination_rule" "app" {
  namespace = var.namespace
  name      = "app"
  host      = lamia_service.app.host
  subsets   = [for version in ["v1", "v2"] : { name = version, labels = { version = version } }]
}

resource "lamia_gateway" "gw" {
  namespace = var.namespace
  name      = "gw"

  workload = {
    additional_containers = [jsonencode({ name = "beside", image = var.image })]
    service               = { http3 = var.http3 }
  }

  servers = [
    { port = { number = 80, name = "http", protocol = "HTTP" }, hosts = ["www.example.test", "grpc.example.test"] },
    {
      port  = { number = 443, name = "https", protocol = "HTTPS" }
      hosts = ["www.example.test"]
      tls   = { mode = "SIMPLE", credential_name = "www" }
    },
    {
      port  = { number = 8080, name = "http-redirect", protocol = "HTTP" }
      hosts = ["www.example.test"]
      tls   = { https_redirect = true }
    },
    {
      port  = { number = 8443, name = "tls", protocol = "TLS" }
      hosts = ["v1.example.test", "v2.example.test"]
      tls   = { mode = "PASSTHROUGH" }
    },
    { port = { number = 9000, name = "tcp", protocol = "TCP" }, hosts = ["*"] },
  ]
}

resource "lamia_virtual_service" "www" {
  namespace = var.namespace
  name      = "www"
  hosts     = ["www.example.test"]
  gateways  = [lamia_gateway.gw.id]

  http = [
    {
      match = [{ headers = { x-version = { exact = "v2" } } }]
      route = local.version["v2"]
    },
    {
      match  = [{ uri = { prefix = "/mirror" } }]
      route  = local.version["v1"]
      mirror = { host = lamia_service.app.host, port = { number = 80 }, subset = "v2" }
    },
    {
      match = [{ uri = { prefix = "/abort" } }]
      fault = { abort = { http_status = 418, percentage = { value = 100 } } }
      route = local.version["v1"]
    },
    {
      match   = [{ uri = { prefix = "/timeout" } }]
      timeout = "0.2s"
      route   = local.version["v1"]
    },
    {
      match    = [{ uri = { prefix = "/redirect" } }]
      redirect = { uri = "/elsewhere", authority = "other.example.test", redirect_code = 302 }
    },
    {
      match           = [{ uri = { prefix = "/direct" } }]
      direct_response = { status = 503, body = { string = "closed" } }
    },
    {
      match       = [{ uri = { prefix = "/cors" } }]
      cors_policy = { allow_origins = [{ exact = "https://app.example.test" }], allow_methods = ["GET", "PUT"], max_age = "600s" }
      route       = local.version["v1"]
    },
    {
      match   = [{ uri = { regex = "/rewrite/.*" } }]
      rewrite = { authority = "inside.example.test", uri_regex_rewrite = { match = "/rewrite/(.*)", rewrite = "/\\1/rewritten" } }
      headers = { request = { set = { x-added = "yes" }, remove = ["x-removed"] }, response = { add = { x-answered = "yes" } } }
      route   = local.version["v1"]
    },
    {
      match = [{ uri = { prefix = "/default-retries" } }]
      route = local.version["v1"]
    },
    {
      match   = [{ uri = { prefix = "/retries" } }]
      retries = { attempts = 3, retry_on = "5xx" }
      route   = local.version["v1"]
    },
    {
      match   = [{ uri = { prefix = "/tutorial-retries" } }]
      retries = { attempts = 5, per_try_timeout = "3s" } # as in the example
      route   = local.version["v1"]
    },
    {
      match   = [{ uri = { prefix = "/slow" } }]
      retries = { attempts = 5, per_try_timeout = "0.2s" }
      route   = local.version["v1"]
    },
    {
      match   = [{ uri = { prefix = "/half/retries" } }]
      retries = { attempts = 5, per_try_timeout = "3s" }
      route   = [{ destination = { host = lamia_service_entry.half.hosts[0] } }]
    },
    {
      match   = [{ uri = { prefix = "/half" } }]
      retries = { attempts = 0 }
      route   = [{ destination = { host = lamia_service_entry.half.hosts[0] } }]
    },
    { route = local.version["v1"] },
  ]
}

resource "lamia_virtual_service" "grpc" {
  namespace = var.namespace
  name      = "grpc"
  hosts     = ["grpc.example.test"]
  gateways  = [lamia_gateway.gw.id]
  http      = [{ route = [{ destination = { host = lamia_service.app.host, port = { number = 81 }, subset = "v2" } }] }]
}

resource "lamia_virtual_service" "tls" {
  namespace = var.namespace
  name      = "tls"
  hosts     = ["v1.example.test", "v2.example.test"]
  gateways  = [lamia_gateway.gw.id]

  tls = [for version in ["v1", "v2"] : {
    match = [{ port = 8443, sni_hosts = ["${version}.example.test"] }]
    route = [{ destination = { host = lamia_service.app.host, port = { number = 443 }, subset = version } }]
  }]
}

resource "lamia_virtual_service" "tcp" {
  namespace = var.namespace
  name      = "tcp"
  hosts     = ["*"]
  gateways  = [lamia_gateway.gw.id]

  tcp = [{
    match = [{ port = 9000 }]
    route = [{ destination = { host = lamia_service.app.host, port = { number = 9000 }, subset = "v2" } }]
  }]
}

# Two endpoints: the application answers on one, and nothing listens on the other.
resource "lamia_service_entry" "half" {
  namespace  = var.namespace
  name       = "half"
  hosts      = ["half.${var.namespace}.test"]
  ports      = [{ number = 80, name = "http", protocol = "HTTP" }]
  resolution = "STATIC"

  endpoints = [
    { address = var.pod, ports = { http = 9090 } },
    { address = var.pod, ports = { http = 9099 } },
  ]
}
