import {
  to = lamia_telemetry.default
  id = "vamp-test2/default"
}
