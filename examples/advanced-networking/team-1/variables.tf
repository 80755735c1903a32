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

variable "gateway_port" {
  description = "The port of the gateway."
  type        = object({ number = number, name = string, protocol = string })
}
