variable "name" {
  description = "Name of the application: the label app of its pods."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([-a-z0-9]{0,40}[a-z0-9])?$", var.name))
    error_message = "The name must consist of lower-case letters, digits and hyphens, begin with a letter, and have at most 42 characters."
  }
}

variable "namespace" {
  description = "The team's namespace. By default that of the provider."
  type        = string
  default     = null
}

variable "hosts" {
  description = "Host names that the team's gateway serves."
  type        = list(string)

  validation {
    condition     = length(var.hosts) > 0 && alltrue([for host in var.hosts : can(regex("^([a-z0-9-]+\\.)+[a-z]+$", host))])
    error_message = "Give at least one host name, each fully qualified and without a wildcard, such as shop.example.com."
  }
}

variable "versions" {
  description = "Percentage of requests that each version of the application gets, by the label version of its pods."
  type        = map(number)

  validation {
    condition     = sum(concat([0], values(var.versions))) == 100 && alltrue([for weight in values(var.versions) : weight >= 0])
    error_message = "The weights must not be negative, and their sum must be 100."
  }
}

variable "paths" {
  description = "Paths that lead to services of other teams: the output service of their modules."
  type        = map(object({ host = string, port = number }))
  default     = {}

  validation {
    condition     = alltrue([for path in keys(var.paths) : can(regex("^/.+/$", path))])
    error_message = "A path must begin and end with a slash, such as /checkout/: the prefix /checkout would match /checkouts, too."
  }
}

variable "target_port" {
  description = "Port of the pods."
  type        = number
  default     = 8080

  validation {
    condition     = var.target_port >= 1 && var.target_port <= 65535
    error_message = "The port must be between 1 and 65535."
  }
}
