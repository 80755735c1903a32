variable "namespace" {
  description = "The team's namespace."
  type        = string
}

variable "domain" {
  description = "Domain of the host names."
  type        = string
}

variable "gateway_port" {
  description = "The port of the gateway."
  type        = object({ number = number, name = string, protocol = string })
}
