terraform import lamia_virtual_service.vs_3 vamp-test2/vs-3
