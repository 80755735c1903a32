terraform import lamia_proxy_config.reviews vamp-test2/reviews
