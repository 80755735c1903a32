import {
  to = lamia_envoy_filter.buffer
  id = "vamp-test2/buffer"
}
