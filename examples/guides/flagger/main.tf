terraform {
  required_providers {
    lamia = {
      source  = "magneticio/lamia"
      version = "~> 0.1"
    }
  }
}

resource "lamia_gateway" "web" {
  name = "web"

  servers = [{
    port  = { number = 80, name = "http", protocol = "HTTP" }
    hosts = ["shop.example.com"]
  }]
}

output "address" {
  value = lamia_gateway.web.address
}
