import {
  to = lamia_destination_rule.dr_1
  id = "vamp-test1/dr-1"
}
