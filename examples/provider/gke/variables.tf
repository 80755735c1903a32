variable "host" {
  description = "Address of the API server, without https://."
  type        = string
}

variable "ca_certificate" {
  description = "PEM of the certificate authority of the API server, base64-encoded."
  type        = string
}
