variable "namespaces" {
  description = "Namespaces of the teams. They are there already, with the Deployments of the teams' applications."
  type = object({
    team_1 = optional(string, "vamp-test1")
    team_2 = optional(string, "vamp-test2")
    team_3 = optional(string, "vamp-test3")
  })
  default = {}
}

variable "domain" {
  description = "Domain of the host names that the gateways serve."
  type        = string
  default     = "democluster.net"
}
