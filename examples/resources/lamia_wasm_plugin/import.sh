terraform import lamia_wasm_plugin.basic_auth vamp-test2/basic-auth
