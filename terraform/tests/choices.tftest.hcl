# What the variables change.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  alert_email = "you@example.com"
  checker_zip = "main.tf"
  api_zip     = "main.tf"
}

run "every_two_minutes" {
  command = plan

  variables {
    schedule_minutes = 2
  }

  assert {
    condition     = aws_scheduler_schedule.checker.schedule_expression == "rate(2 minutes)" && aws_lambda_function.checker.timeout == 125
    error_message = "The checker works 5 s into the next invocation."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.one["checker-errors"].period == 120
    error_message = "With two invocations in 4 minutes there would never be 3 errors in 5."
  }
}

run "provisioned_within_what_is_free" {
  command = plan

  variables {
    capacity = "provisioned"
  }

  assert {
    condition     = alltrue([for table in [aws_dynamodb_table.monitors, aws_dynamodb_table.keys, aws_dynamodb_table.events, aws_dynamodb_table.directory] : table.billing_mode == "PROVISIONED"])
    error_message = "A table is still on demand."
  }

  assert {
    condition     = sum(concat([for table in [aws_dynamodb_table.monitors, aws_dynamodb_table.keys, aws_dynamodb_table.events, aws_dynamodb_table.directory] : table.write_capacity], [for index in aws_dynamodb_table.monitors.global_secondary_index : index.write_capacity])) == 25
    error_message = "25 writes a second are free, no more, and fewer would be a waste."
  }

  assert {
    condition     = sum(concat([for table in [aws_dynamodb_table.monitors, aws_dynamodb_table.keys, aws_dynamodb_table.events, aws_dynamodb_table.directory] : table.read_capacity], [for index in aws_dynamodb_table.monitors.global_secondary_index : index.read_capacity])) == 25
    error_message = "25 reads a second are free, no more, and fewer would be a waste."
  }

  assert {
    condition     = aws_dynamodb_table.monitors.write_capacity * 2 >= one([for index in aws_dynamodb_table.monitors.global_secondary_index : index.write_capacity if index.name == "overdue-index"])
    error_message = "A ping writes twice to the index for once to the table: one of the two would idle."
  }
}

run "x86_64" {
  command = plan

  variables {
    lambda_architecture = "x86_64"
    api_function        = true
  }

  assert {
    condition     = aws_lambda_function.checker.architectures == tolist(["x86_64"]) && aws_lambda_function.api[0].architectures == tolist(["x86_64"])
    error_message = "Both functions are of one architecture."
  }
}

run "the_api_as_a_function" {
  command = plan

  variables {
    api_function = true
  }

  assert {
    condition     = aws_lambda_function.api[0].memory_size == 256 && aws_lambda_function.api[0].timeout == 15 && aws_lambda_function.api[0].runtime == "provided.al2023"
    error_message = "The API's function differs."
  }

  assert {
    condition = one(aws_lambda_function.api[0].environment).variables == tomap({
      MONITORS_TABLE        = "heartbeat-monitors"
      KEYS_TABLE            = "heartbeat-api-keys"
      EVENTS_TABLE          = "heartbeat-events"
      DIRECTORY_TABLE       = "heartbeat-directory"
      HEARTBEAT_OUTAGE_HOLD = "15m"
      RUST_LOG              = "info"
    })
    error_message = "The API's environment differs."
  }

  assert {
    condition     = aws_lambda_function_url.api[0].authorization_type == "NONE" && aws_lambda_permission.api_url[0].action == "lambda:InvokeFunctionUrl" && aws_lambda_permission.api_url[0].function_url_auth_type == "NONE" && aws_lambda_permission.api_through_url[0].action == "lambda:InvokeFunction" && aws_lambda_permission.api_through_url[0].invoked_via_function_url
    error_message = "Since October 2025 a public URL needs both permissions."
  }

  assert {
    condition     = contains(output.alarm_names, "heartbeat-api-errors")
    error_message = "The API is not watched."
  }
}

# Applied, for a URL is made up only then; and `terraform test` applies nothing while an ephemeral variable is left out.
run "a_canary_through_the_functions_url" {
  command = apply

  variables {
    telegram_bot_token     = "123456789:not-a-token-only-shaped-like-one-0"
    telegram_chat_id       = "-1001234567890"
    api_function           = true
    canary_api_key         = "hb_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567"
    canary_api_key_version = 1
  }

  assert {
    condition     = one(aws_lambda_function.checker.environment).variables.HEARTBEAT_CANARY_URL == aws_lambda_function_url.api[0].function_url && output.canary_url == output.api_url
    error_message = "The canary goes another way than the jobs."
  }
}

run "a_canary_through_a_name_of_ones_own" {
  command = apply

  variables {
    telegram_bot_token     = "123456789:not-a-token-only-shaped-like-one-0"
    telegram_chat_id       = "-1001234567890"
    api_function           = true
    canary_api_key         = "hb_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567"
    canary_api_key_version = 1
    canary_url             = "https://heartbeat.example.org/"
  }

  assert {
    condition     = one(aws_lambda_function.checker.environment).variables.HEARTBEAT_CANARY_URL == "https://heartbeat.example.org/"
    error_message = "What jobs go through must be gone through."
  }
}

run "another_watches_the_checker" {
  command = plan

  variables {
    outbound_url = "https://hc-ping.com/0a6f9d8e-0000-4000-8000-000000000000"
  }

  assert {
    condition     = nonsensitive(one(aws_lambda_function.checker.environment).variables.HEARTBEAT_OUTBOUND_URL == "https://hc-ping.com/0a6f9d8e-0000-4000-8000-000000000000")
    error_message = "Nobody is called."
  }
}

run "no_patience" {
  command = plan

  variables {
    api_function        = true
    outage_hold_minutes = 0
  }

  assert {
    condition     = alltrue([for function in [aws_lambda_function.checker, aws_lambda_function.api[0]] : one(function.environment).variables.HEARTBEAT_OUTAGE_HOLD == "0m"])
    error_message = "Both functions are as patient, that is not at all."
  }
}

run "a_user_from_outside" {
  command = plan

  variables {
    on_premises_user = true
  }

  assert {
    condition     = aws_iam_user.on_premises[0].force_destroy && one(aws_iam_user_group_membership.on_premises[*].user) == "heartbeat-on-premises-api" && output.on_premises_access_key_command == "aws iam create-access-key --user-name heartbeat-on-premises-api"
    error_message = "The user is not in its group, or cannot be deleted with its keys."
  }
}

run "stopped" {
  command = plan

  variables {
    schedule_enabled = false
  }

  assert {
    condition     = aws_scheduler_schedule.checker.state == "DISABLED"
    error_message = "It is still called."
  }

  assert {
    condition     = toset([for name, alarm in aws_cloudwatch_metric_alarm.one : name if !alarm.actions_enabled]) == toset(["checker-not-invoked", "pass-not-completed"])
    error_message = "What is stopped on purpose is not missed, and all else is."
  }
}

run "a_second_installation" {
  command = plan

  variables {
    name_prefix  = "staging"
    api_function = true
  }

  assert {
    condition     = output.table_names.monitors == "staging-monitors" && aws_lambda_function.checker.function_name == "staging-checker" && aws_lambda_function.api[0].function_name == "staging-api" && aws_ssm_parameter.telegram_bot_token.name == "/staging/telegram-bot-token" && aws_scheduler_schedule_group.heartbeat.name == "staging" && aws_cloudwatch_metric_alarm.one["checker-errors"].dimensions.FunctionName == "staging-checker"
    error_message = "Something would be shared with the first."
  }

  assert {
    condition     = !strcontains(join(" ", [aws_iam_role_policy.checker.policy, aws_iam_role_policy.api[0].policy, aws_iam_role_policy.scheduler.policy]), "heartbeat-")
    error_message = "A policy still speaks of the first."
  }

  assert {
    condition     = strcontains(aws_iam_role_policy.checker.policy, ":parameter/heartbeat/channels/*") && strcontains(aws_iam_role_policy.checker.policy, ":parameter/staging/telegram-bot-token")
    error_message = "A channel may name /heartbeat/ alone, whatever the installation is called."
  }
}

run "more_logs" {
  command = plan

  variables {
    log_level = "debug"
  }

  assert {
    condition     = one(aws_lambda_function.checker.logging_config).application_log_level == "DEBUG" && one(aws_lambda_function.checker.environment).variables.RUST_LOG == "debug"
    error_message = "Lambda must let through what the program logs."
  }
}

run "fewer_logs_and_all_metrics" {
  command = plan

  variables {
    log_level = "error"
  }

  assert {
    condition     = one(aws_lambda_function.checker.logging_config).application_log_level == "INFO" && one(aws_lambda_function.checker.environment).variables.RUST_LOG == "error"
    error_message = "Metrics are log lines of level INFO: Lambda must let them through."
  }
}
