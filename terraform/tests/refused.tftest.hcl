# What would fail late, or do harm quietly, is refused in the plan.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  alert_email = "you@example.com"
  checker_zip = "main.tf"
  api_zip     = "main.tf"
}

run "values_that_are_none" {
  command = plan
  expect_failures = [
    var.telegram_bot_token, var.telegram_secrets_version, var.alert_email,
    var.region, var.name_prefix, var.lambda_architecture, var.schedule_minutes, var.check_interval_seconds,
    var.checker_memory_mb, var.checker_reserved_concurrency, var.log_level, var.log_retention_days,
    var.api_memory_mb, var.api_reserved_concurrency, var.on_premises_ca_certificate, var.on_premises_common_name,
    var.capacity, var.provisioned_units, var.outage_hold_minutes, var.outbound_url, var.canary_url,
  ]

  variables {
    telegram_bot_token           = "YOUR_BOT_TOKEN"
    telegram_secrets_version     = 0
    alert_email                  = "you"
    region                       = "Stockholm"
    name_prefix                  = "Heart beat"
    lambda_architecture          = "aarch64"
    schedule_minutes             = 5
    check_interval_seconds       = 0.5
    checker_memory_mb            = 64
    checker_reserved_concurrency = 0
    log_level                    = "verbose"
    log_retention_days           = 10
    api_memory_mb                = 64
    api_reserved_concurrency     = 0
    on_premises_ca_certificate   = "ca.pem"
    on_premises_common_name      = "*"
    capacity                     = "serverless"
    provisioned_units            = { monitors = { read = 1, write = 1 } }
    outage_hold_minutes          = 2000
    outbound_url                 = "hc-ping.com/x"
    canary_url                   = "heartbeat.example.org"
  }
}

run "values_that_look_right_at_first" {
  command         = plan
  expect_failures = [var.telegram_chat_id, var.name_prefix, var.on_premises_ca_certificate, var.provisioned_units, var.canary_api_key_version]

  variables {
    telegram_bot_token = "123456789:not-a-token-only-shaped-like-one-0"
    # The chat's title.
    telegram_chat_id       = "My Alerts"
    api_function           = true
    canary_api_key_version = 0.5
    # Too long for the name of a role.
    name_prefix = "a23456789012345678901234567890123"
    # A private key does not belong into a state.
    on_premises_ca_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
    provisioned_units = {
      monitors      = { read = 1, write = 0 }
      overdue-index = { read = 1, write = 1 }
      project-index = { read = 1, write = 1 }
      keys          = { read = 1, write = 1 }
      events        = { read = 1, write = 1 }
      directory     = { read = 1, write = 1 }
    }
  }
}

# The chat that is stored would be overwritten.
run "a_token_without_its_chat" {
  command         = plan
  expect_failures = [var.telegram_chat_id]

  variables {
    telegram_bot_token = "123456789:not-a-token-only-shaped-like-one-0"
  }
}

run "a_checker_that_was_not_built" {
  command         = plan
  expect_failures = [aws_lambda_function.checker]

  variables {
    checker_zip = "nowhere/bootstrap.zip"
  }
}

run "an_api_that_was_not_built" {
  command         = plan
  expect_failures = [aws_lambda_function.api]

  variables {
    api_function = true
    api_zip      = "nowhere/bootstrap.zip"
  }
}

run "a_canary_that_nobody_would_hear" {
  command         = plan
  expect_failures = [var.canary_api_key_version]

  variables {
    canary_api_key_version = 1
  }
}

# Terraform would not send it.
run "a_key_of_no_version" {
  command         = plan
  expect_failures = [var.canary_api_key]

  variables {
    canary_url     = "https://heartbeat.example.org"
    canary_api_key = "hb_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567"
  }
}

# The id that list-api-keys shows is no key.
run "a_key_that_is_none" {
  command         = plan
  expect_failures = [var.canary_api_key]

  variables {
    canary_url             = "https://heartbeat.example.org"
    canary_api_key         = "hb_3f9a2c81d0b7"
    canary_api_key_version = 1
  }
}
