variable "namespace" {
  type = string
}

resource "lamia_virtual_service" "test" {
  namespace = var.namespace
  name      = "test"
  hosts     = ["a.example.com"]
  gateways  = []

  http = [{
    retries = { attempts = 0 }
    headers = {}
    match   = [{ uri = { prefix = "" }, ignore_uri_case = false, headers = {} }]

    # Weights are relative: they need not sum to 100.
    route = [
      { destination = { host = "svc", subset = "one" }, weight = 1 },
      { destination = { host = "svc", subset = "two" }, weight = 0 },
    ]
  }]
}
