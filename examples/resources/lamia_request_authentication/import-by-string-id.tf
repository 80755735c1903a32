import {
  to = lamia_request_authentication.reviews
  id = "vamp-test2/reviews"
}
