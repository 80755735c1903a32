variable "namespace" {
  description = "The team's namespace."
  type        = string
}

variable "entry" {
  description = "The host name and the port of the gateway to call."
  type = object({
    host = string
    port = object({ number = number, name = string, protocol = string })
  })
}
