resource "lamia_destination_rule" "dr_1" {
  namespace = "vamp-test1"
  name      = "dr-1"

  host = "svc-1"

  subsets = [
    { name = "subset1", labels = { version = "version1" } },
    { name = "subset2", labels = { version = "version2" } },
    { name = "subset3", labels = { version = "version3" } },
  ]
}
