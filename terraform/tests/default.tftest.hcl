# What somebody gets who sets nothing but the specification's three variables.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  telegram_bot_token = "123456789:not-a-token-only-shaped-like-one-0"
  telegram_chat_id   = "-1001234567890"
  alert_email        = "you@example.com"
  # Any file does: nothing is uploaded.
  checker_zip = "main.tf"
  api_zip     = "main.tf"
}

run "everything_as_it_is_by_default" {
  command = plan

  # Tables

  assert {
    condition     = output.table_names == { monitors = "heartbeat-monitors", keys = "heartbeat-api-keys", events = "heartbeat-events", directory = "heartbeat-directory" }
    error_message = "The programs' own defaults are these names."
  }

  assert {
    condition = alltrue([for table in [aws_dynamodb_table.monitors, aws_dynamodb_table.keys, aws_dynamodb_table.events, aws_dynamodb_table.directory] :
      table.billing_mode == "PAY_PER_REQUEST" && table.deletion_protection_enabled && one(table.point_in_time_recovery).enabled
    ])
    error_message = "A table must be on demand, hard to delete and restorable."
  }

  assert {
    condition     = { for index in aws_dynamodb_table.monitors.global_secondary_index : index.name => [index.projection_type, [for key in index.key_schema : "${key.attribute_name} ${key.key_type}"]] } == { overdue-index = ["KEYS_ONLY", ["shard HASH", "wake_at RANGE"]], project-index = ["KEYS_ONLY", ["project HASH", "slug RANGE"]] }
    error_message = "The two indexes are not as the code asks for them."
  }

  assert {
    condition     = alltrue([for table in [aws_dynamodb_table.monitors, aws_dynamodb_table.events] : one(table.ttl).enabled && one(table.ttl).attribute_name == "expires_at"])
    error_message = "Monitors and events must expire."
  }

  # Checker

  assert {
    condition     = aws_lambda_function.checker.architectures == tolist(["arm64"]) && aws_lambda_function.checker.memory_size == 128 && aws_lambda_function.checker.timeout == 65 && aws_lambda_function.checker.runtime == "provided.al2023" && aws_lambda_function.checker.handler == "bootstrap"
    error_message = "The checker is arm64 with 128 MB, and works 5 s into the next minute."
  }

  assert {
    condition     = aws_lambda_function.checker.reserved_concurrent_executions == null
    error_message = "A new account has no concurrency to reserve."
  }

  assert {
    condition = one(aws_lambda_function.checker.environment).variables == tomap({
      HEARTBEAT_TABLE_NAME          = "heartbeat-monitors"
      HEARTBEAT_API_KEYS_TABLE_NAME = "heartbeat-api-keys"
      EVENTS_TABLE                  = "heartbeat-events"
      DIRECTORY_TABLE               = "heartbeat-directory"
      TELEGRAM_BOT_TOKEN_PARAM      = "/heartbeat/telegram-bot-token"
      TELEGRAM_CHAT_ID_PARAM        = "/heartbeat/telegram-chat-id"
      HEARTBEAT_CHECK_INTERVAL      = "10"
      HEARTBEAT_OUTAGE_HOLD         = "15m"
      RUST_LOG                      = "info"
    })
    error_message = "The checker's environment differs."
  }

  assert {
    condition     = one(aws_lambda_function.checker.logging_config).log_format == "JSON" && one(aws_lambda_function.checker.logging_config).application_log_level == "INFO" && one(aws_lambda_function.checker.logging_config).system_log_level == "WARN"
    error_message = "Lambda's own lines cost more than the function, and metrics are lines of level INFO."
  }

  assert {
    condition     = aws_cloudwatch_log_group.checker.name == "/aws/lambda/heartbeat-checker" && aws_cloudwatch_log_group.checker.retention_in_days == 14
    error_message = "Logs are kept for 14 days, in the group that Lambda would make."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.checker.maximum_retry_attempts == 0 && aws_lambda_function_event_invoke_config.checker.maximum_event_age_in_seconds == 60
    error_message = "The next minute is the retry."
  }

  # Schedule

  assert {
    condition     = aws_scheduler_schedule.checker.schedule_expression == "rate(1 minute)" && aws_scheduler_schedule.checker.state == "ENABLED" && one(aws_scheduler_schedule.checker.flexible_time_window).mode == "OFF"
    error_message = "The checker is called every minute, at the minute."
  }

  assert {
    condition     = one(aws_scheduler_schedule.checker.target).arn == "arn:aws:lambda:eu-north-1:123456789012:function:heartbeat-checker"
    error_message = "The schedule calls something else."
  }

  assert {
    condition     = one(one(aws_scheduler_schedule.checker.target).retry_policy).maximum_retry_attempts == 0 && one(one(aws_scheduler_schedule.checker.target).retry_policy).maximum_event_age_in_seconds == 60
    error_message = "The next minute is the retry."
  }

  assert {
    condition     = one(one(aws_scheduler_schedule.checker.target).dead_letter_config).arn == "arn:aws:sqs:eu-north-1:123456789012:heartbeat-dead-letters" && aws_sqs_queue.dead_letters.sqs_managed_sse_enabled
    error_message = "What the schedule could not call must leave a message, encrypted."
  }

  # What is optional is not there

  assert {
    condition     = length(aws_lambda_function.api) + length(aws_lambda_function_url.api) + length(aws_lambda_permission.api_url) + length(aws_lambda_permission.api_through_url) + length(aws_cloudwatch_log_group.api) + length(aws_iam_role.api) == 0
    error_message = "There is no API function unless it is asked for."
  }

  assert {
    condition     = length(aws_iam_user.on_premises) + length(aws_iam_group.on_premises) + length(aws_rolesanywhere_trust_anchor.on_premises) + length(aws_iam_role.on_premises) == 0
    error_message = "There is nobody from outside unless asked for."
  }

  assert {
    condition     = output.api_url == null && output.api_function_name == null && output.on_premises_access_key_command == null && output.on_premises_roles_anywhere == null
    error_message = "An output speaks of what is not there."
  }

  assert {
    condition     = output.add_api_key_command == "AWS_REGION=eu-north-1 DIRECTORY_TABLE=heartbeat-directory EVENTS_TABLE=heartbeat-events KEYS_TABLE=heartbeat-api-keys MONITORS_TABLE=heartbeat-monitors cargo run --release --bin add-api-key -- --description \"my service\""
    error_message = "The command that makes a key differs."
  }

  assert {
    condition     = output.add_canary_key_command == "AWS_REGION=eu-north-1 DIRECTORY_TABLE=heartbeat-directory EVENTS_TABLE=heartbeat-events KEYS_TABLE=heartbeat-api-keys MONITORS_TABLE=heartbeat-monitors cargo run --release --bin add-api-key -- --project heartbeat --monitor canary --scope ping --description canary"
    error_message = "The canary's key must be of the operator's project, or it proves nothing; and it must not do anything else."
  }

  assert {
    condition     = output.api_environment.HEARTBEAT_OUTAGE_HOLD == "15m"
    error_message = "API and checker must be as patient."
  }
}
