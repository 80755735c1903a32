terraform import lamia_traffic_extension.hello vamp-test2/hello
