# Each resource has one problem that only the cluster knows. The comments before it are regular expressions for the errors of terraform plan,
# one for each error.

variable "namespace" {
  type = string
}

# error: at "ports += .*invalid spec\.ports\[0\]\.name: .*Required value
# error: at "ports += .*invalid spec\.ports\[1\]\.name: .*Required value
resource "lamia_service" "ports" {
  namespace = var.namespace
  name      = "ports"
  ports     = [{ port = 80 }, { port = 81 }]
}

# error: cannot be created: invalid spec\.externalName: .*Required value
resource "lamia_service" "external_name" {
  namespace = var.namespace
  name      = "external-name"
  type      = "ExternalName"
}
