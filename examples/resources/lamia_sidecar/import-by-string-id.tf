import {
  to = lamia_sidecar.reviews
  id = "vamp-test2/reviews"
}
