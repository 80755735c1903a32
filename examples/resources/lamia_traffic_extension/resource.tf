resource "lamia_traffic_extension" "hello" {
  namespace = "vamp-test2"
  name      = "hello"

  selector = { match_labels = { app = "reviews" } }

  lua = {
    inline_code = <<-LUA
      function envoy_on_response(handle)
        handle:headers():add("x-hello", "world")
      end
    LUA
  }
}
