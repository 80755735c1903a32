resource "lamia_workload_entry" "vm_1" {
  namespace = "vamp-test2"
  name      = "vm-1"

  address = "10.0.0.12"
  ports   = { http = 8080 }
  weight  = 1

  # The labels of the workload. The attribute labels has those of the object.
  workload_labels = { app = "reviews", version = "v3" }
}
