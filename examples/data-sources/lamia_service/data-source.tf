data "lamia_service" "reviews" {
  namespace = "vamp-test1"
  name      = "reviews"
}

output "host" {
  value = data.lamia_service.reviews.host
}
