terraform import lamia_workload_entry.vm_1 vamp-test2/vm-1
