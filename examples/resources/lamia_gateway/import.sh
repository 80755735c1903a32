terraform import lamia_gateway.gw_1 vamp-test1/gw-1
