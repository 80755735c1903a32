terraform import lamia_workload_group.reviews vamp-test2/reviews
