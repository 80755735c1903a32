# Tests of the module: terraform test. Nothing is created.

variables {
  name     = "shop"
  hosts    = ["shop.example.com"]
  versions = { v1 = 90, v2 = 10 }
  paths    = { "/checkout/" = { host = "checkout.payment.svc.cluster.local", port = 80 } }
}

run "routes" {
  command = plan

  module {
    source = "./team"
  }

  assert {
    condition = { for d in provider::lamia::route(output.routing, { gateway = output.gateway, host = "shop.example.com" }).destinations :
      d.subset => d.share
    } == { v1 = 0.9, v2 = 0.1 }
    error_message = "The versions do not get the shares that the input gives them."
  }

  assert {
    condition = provider::lamia::route(
      merge(output.routing, { services = concat(output.routing.services, [{ namespace = "payment", name = "checkout", ports = [{ name = "http", port = 80 }] }]) }),
      { gateway = output.gateway, host = "shop.example.com", path = "/checkout/pay" },
    ).destinations[0].host == "checkout.payment.svc.cluster.local"
    error_message = "The path does not lead to the other team's service."
  }
}

run "refuses_weights_that_are_not_100" {
  command = plan

  module {
    source = "./team"
  }

  variables {
    versions = { v1 = 90 }
  }

  expect_failures = [var.versions]
}

run "refuses_no_hosts" {
  command = plan

  module {
    source = "./team"
  }

  variables {
    hosts = []
  }

  expect_failures = [var.hosts]
}

run "refuses_paths_without_a_slash_at_the_end" {
  command = plan

  module {
    source = "./team"
  }

  variables {
    paths = { "/checkout" = { host = "checkout", port = 80 } }
  }

  expect_failures = [var.paths]
}

run "refuses_negative_weights" {
  command = plan

  module {
    source = "./team"
  }

  variables {
    versions = { v1 = 110, v2 = -10 }
  }

  expect_failures = [var.versions]
}

run "refuses_wildcard_hosts" {
  command = plan

  module {
    source = "./team"
  }

  variables {
    hosts = ["*.example.com"]
  }

  expect_failures = [var.hosts]
}

run "refuses_names_in_upper_case" {
  command = plan

  module {
    source = "./team"
  }

  variables {
    name = "Shop"
  }

  expect_failures = [var.name]
}

run "refuses_ports_that_do_not_exist" {
  command = plan

  module {
    source = "./team"
  }

  variables {
    target_port = 65536
  }

  expect_failures = [var.target_port]
}
