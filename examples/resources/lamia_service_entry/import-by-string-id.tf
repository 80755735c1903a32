import {
  to = lamia_service_entry.se_1
  id = "vamp-test3/se-1"
}
