variable "versions" { # with their weights
  type = map(number)
}
