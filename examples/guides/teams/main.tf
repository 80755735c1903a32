terraform {
  required_version = ">= 1.8" # for the function route in the tests
}

variable "namespaces" {
  description = "The namespace of each team. By default that of the provider."
  type        = object({ shop = optional(string), checkout = optional(string) })
  default     = {}
}

module "checkout" {
  source = "./team"

  namespace = var.namespaces.checkout
  name      = "checkout"
  hosts     = ["checkout.example.com"]
  versions  = { v1 = 100 }
}

module "shop" {
  source = "./team"

  namespace = var.namespaces.shop
  name      = "shop"
  hosts     = ["shop.example.com", "www.shop.example.com"]
  versions  = { v1 = 90, v2 = 10 }
  paths     = { "/checkout/" = module.checkout.service }
}

output "addresses" {
  value = merge(module.shop.addresses, module.checkout.addresses)
}
