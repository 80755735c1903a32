# What runs in the namespace.
data "lamia_virtual_cluster" "team_1" {
  name = "vamp-test1"
}

# A subset for each version of the application app1.
resource "lamia_destination_rule" "dr_1" {
  namespace = data.lamia_virtual_cluster.team_1.name
  name      = "dr-1"

  host    = "svc-1"
  subsets = [for version, labels in data.lamia_virtual_cluster.team_1.applications["app1"].versions : { name = version, labels = labels }]
}
