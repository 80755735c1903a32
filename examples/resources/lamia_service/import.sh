terraform import lamia_service.svc_1 vamp-test1/svc-1
