# A plan does not check whether the namespace exists, because the same apply can create it. The comment is a regular expression for the error of
# terraform apply.

variable "namespace" {
  type = string
}

# error: at "namespace = .*not created: its namespace does not exist: .* no namespace "lamia-test-does-not-exist"\. Correct the name, or create the namespace first
resource "lamia_service_entry" "namespace" {
  namespace = "lamia-test-does-not-exist"
  name      = "test"
  hosts     = ["a.example.com"]
}
