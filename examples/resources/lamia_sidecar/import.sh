terraform import lamia_sidecar.reviews vamp-test2/reviews
