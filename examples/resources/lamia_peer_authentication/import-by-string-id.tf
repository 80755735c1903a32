import {
  to = lamia_peer_authentication.default
  id = "vamp-test2/default"
}
