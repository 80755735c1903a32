import {
  to = lamia_traffic_extension.hello
  id = "vamp-test2/hello"
}
