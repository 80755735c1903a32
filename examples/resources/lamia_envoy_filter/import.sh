terraform import lamia_envoy_filter.buffer vamp-test2/buffer
