import {
  to = lamia_virtual_service.vs_3
  id = "vamp-test2/vs-3"
}
