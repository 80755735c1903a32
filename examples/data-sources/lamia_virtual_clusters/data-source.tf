# The namespaces with the label vamp-managed.
data "lamia_virtual_clusters" "managed" {}

# What runs in each of them.
data "lamia_virtual_cluster" "managed" {
  for_each = data.lamia_virtual_clusters.managed.virtual_clusters

  name = each.key
}

output "applications" {
  value = { for name, cluster in data.lamia_virtual_cluster.managed : name => keys(cluster.applications) }
}
