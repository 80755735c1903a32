import {
  to = lamia_authorization_policy.reviews
  id = "vamp-test2/reviews"
}
