resource "lamia_envoy_filter" "buffer" {
  namespace = "vamp-test2"
  name      = "buffer"

  workload_selector = { labels = { app = "reviews" } }

  config_patches = [{
    apply_to = "HTTP_FILTER"

    match = {
      context  = "SIDECAR_INBOUND"
      listener = { filter_chain = { filter = { name = "envoy.filters.network.http_connection_manager" } } }
    }

    patch = {
      operation = "INSERT_BEFORE"
      value = jsonencode({
        name = "envoy.filters.http.buffer"
        typed_config = {
          "@type"           = "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer"
          max_request_bytes = 65536
        }
      })
    }
  }]
}
