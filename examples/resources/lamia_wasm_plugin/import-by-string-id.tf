import {
  to = lamia_wasm_plugin.basic_auth
  id = "vamp-test2/basic-auth"
}
