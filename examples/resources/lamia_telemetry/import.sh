terraform import lamia_telemetry.default vamp-test2/default
