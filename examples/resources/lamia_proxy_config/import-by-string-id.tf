import {
  to = lamia_proxy_config.reviews
  id = "vamp-test2/reviews"
}
