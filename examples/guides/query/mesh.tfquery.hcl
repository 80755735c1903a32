list "lamia_virtual_service" "all" {
  provider = lamia

  config {
    namespace      = "bookinfo"
    label_selector = "team=reviews"
  }
}
