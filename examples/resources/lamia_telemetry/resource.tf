resource "lamia_telemetry" "default" {
  namespace = "vamp-test2"
  name      = "default"

  access_logging = [{
    providers = [{ name = "envoy" }]
    filter    = { expression = "response.code >= 500" }
  }]

  tracing = [{ random_sampling_percentage = 1.5 }]
}
