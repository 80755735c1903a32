# Tests the routes before anything is applied: terraform test.

run "routes" {
  command = plan

  assert {
    condition = alltrue([for host, subset in { "vamp-gw1-test" = "subset1", "vamp-gw1-alt-test" = "subset2" } :
      provider::lamia::route(output.routing, { gateway = "${var.namespaces.team_1}/gw-1", host = "${host}.${var.domain}" }).destinations[*].subset == tolist([subset])
    ])
    error_message = "Each host name of team 1's gateway leads to a version of its own."
  }

  assert {
    condition = alltrue([for path, host in { "/service1" = "svc-1.${var.namespaces.team_1}", "/service2" = "svc-2.${var.namespaces.team_2}" } :
      provider::lamia::route(output.routing, { gateway = "${var.namespaces.team_2}/gw-2", host = "vamp-gw2-test.${var.domain}", path = path }).destinations[*].host == tolist(["${host}.svc.cluster.local"])
    ])
    error_message = "A path of team 2's gateway leads to team 1's application, another to team 2's own."
  }

  assert {
    condition     = provider::lamia::route(output.routing, { gateway = "${var.namespaces.team_2}/gw-2", host = "vamp-gw2-test.${var.domain}", path = "/service1/x" }).path == "//x"
    error_message = "The rewrite makes a double slash of what follows the path."
  }

  assert {
    condition     = provider::lamia::route(output.routing, { gateway = "${var.namespaces.team_2}/gw-2", host = "vamp-gw2-test.${var.domain}", path = "/" }).outcome == "not_found"
    error_message = "Other paths lead nowhere."
  }

  assert {
    condition     = provider::lamia::route(output.routing, { gateway = "${var.namespaces.team_1}/gw-1", host = "vamp-gw2-test.${var.domain}" }).outcome == "not_found"
    error_message = "No team's gateway serves another's host names."
  }

  assert {
    condition     = provider::lamia::route(output.routing, { namespace = var.namespaces.team_3, host = "vamp-gw2-test.${var.domain}" }).retries.attempts == 5
    error_message = "A call from team 3 is tried five times more."
  }
}
