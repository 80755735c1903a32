variable "host" {
  description = "URL of the API server."
  type        = string
}

variable "ca_certificate" {
  description = "PEM of the certificate authority of the API server, base64-encoded."
  type        = string
}

variable "cluster_name" {
  description = "Name of the EKS cluster."
  type        = string
}
