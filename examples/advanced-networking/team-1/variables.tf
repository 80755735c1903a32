variable "namespace" {
  description = "The team's namespace."
  type        = string
}

variable "domain" {
  description = "Domain of the host names."
  type        = string
}

variable "application" {
  description = "The port that the application listens on, and its versions by subset."
  type = object({
    port    = number
    subsets = map(string)
  })
}

variable "gateway" {
  description = "Labels of the proxies that serve the gateway, and the port."
  type = object({
    selector = map(string)
    port     = object({ number = number, name = string, protocol = string })
  })
}
