# Everything switched on: scripts/check-terraform.sh makes ../plan.json of this run's plan. It is no test of its own, and
# lies where neither `terraform test` nor tfcheck look: it wants the packages, which the script makes up.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  alert_email                = "you@example.com"
  api_function               = true
  on_premises_user           = true
  canary_api_key_version     = 1
  on_premises_ca_certificate = "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n"
}

run "everything" {
  command = plan
}
