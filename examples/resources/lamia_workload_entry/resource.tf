resource "lamia_workload_entry" "vm_1" {
  namespace = "vamp-test2"
  name      = "vm-1"

  address = "10.0.0.12"
  ports   = { http = 8080 }
  weight  = 1

  # The labels of the workload; those of the object itself are labels.
  workload_labels = { app = "reviews", version = "v3" }
}
