import {
  to = lamia_virtual_service.reviews
  identity = {
    namespace = "bookinfo"
    name      = "reviews"
  }
}
