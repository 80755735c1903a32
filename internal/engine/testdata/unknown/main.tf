variable "namespace" {
  type = string
}

resource "terraform_data" "later" {
  input = { namespace = var.namespace, name = "test", label = "x", host = "a.example.com", number = 80 }
}

resource "lamia_service_entry" "test" {
  namespace = terraform_data.later.output.namespace
  name      = terraform_data.later.output.name
  labels    = { later = terraform_data.later.output.label }
  hosts     = [terraform_data.later.output.host]
  ports     = [{ number = terraform_data.later.output.number, name = "http", protocol = "HTTP" }]
}

resource "lamia_service" "test" {
  namespace = terraform_data.later.output.namespace
  name      = terraform_data.later.output.name
  ports     = [{ port = terraform_data.later.output.number }]
}

# Values that follow from a known name are known at plan.
resource "lamia_service" "known" {
  namespace = var.namespace
  name      = "known"
  selector  = terraform_data.later.output.label == "x" ? { app = "a" } : null
  ports     = [{ port = 80 }]
}
