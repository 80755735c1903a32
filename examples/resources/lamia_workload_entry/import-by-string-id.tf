import {
  to = lamia_workload_entry.vm_1
  id = "vamp-test2/vm-1"
}
