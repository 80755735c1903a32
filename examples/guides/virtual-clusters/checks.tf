check "routing" {
  assert {
    condition     = contains(keys(local.application.versions), "version1")
    error_message = "No workload of app1 in ${var.namespace} is version1, to which requests go by default."
  }

  assert {
    condition     = data.lamia_virtual_cluster.team.mesh.mode != "none"
    error_message = "The pods in ${var.namespace} are not in the mesh, so their requests are not routed."
  }
}
