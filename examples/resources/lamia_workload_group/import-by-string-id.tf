import {
  to = lamia_workload_group.reviews
  id = "vamp-test2/reviews"
}
