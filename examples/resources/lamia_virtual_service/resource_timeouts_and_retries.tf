resource "lamia_virtual_service" "resilient" {
  namespace = "vamp-test2"
  name      = "resilient"
  hosts     = ["svc-2"]

  http = [{
    route   = [{ destination = { host = "svc-2" } }]
    timeout = "3s"
    retries = { attempts = 2, per_try_timeout = "1s", retry_on = "connect-failure,refused-stream,503" }
  }]
}
