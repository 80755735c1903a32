terraform import lamia_service_entry.se_1 vamp-test3/se-1
