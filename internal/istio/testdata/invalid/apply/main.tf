# A namespace may come in the same apply, so a plan does not ask for it. What terraform apply answers is in the comment, a regular expression.

variable "namespace" {
  type = string
}

# error: at "namespace = .*not created: its namespace does not exist: .* no namespace "lamia-test-does-not-exist"\. Correct the name, or create the namespace first
resource "lamia_service_entry" "namespace" {
  namespace = "lamia-test-does-not-exist"
  name      = "test"
  hosts     = ["a.example.com"]
}
