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

variable "service_1" {
  description = "The service of team 1 that the gateway leads to. Its host is fully qualified: a short one would mean this team's."
  type        = object({ host = string, port = number, subset = string })
}
