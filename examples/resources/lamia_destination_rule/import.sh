terraform import lamia_destination_rule.dr_1 vamp-test1/dr-1
