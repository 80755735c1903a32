import {
  to = lamia_service.svc_1
  id = "vamp-test1/svc-1"
}
