import {
  to = lamia_gateway.gw_1
  id = "vamp-test1/gw-1"
}
