# The checker: finds who has missed a deadline, and tells.

locals {
  # Silence is judged by both: they must be as patient.
  outage_hold = "${var.outage_hold_minutes}m"

  # The way that jobs take.
  public_url = var.canary_url != null ? var.canary_url : one(aws_lambda_function_url.api[*].function_url)

  canary_environment = local.has_canary ? {
    HEARTBEAT_CANARY_URL       = local.public_url
    HEARTBEAT_CANARY_KEY_PARAM = aws_ssm_parameter.canary_api_key[0].name
  } : {}

  # Whether it is set is no secret: an environment that is one as a whole could not be read in a plan.
  outbound_environment = nonsensitive(var.outbound_url == null) ? {} : { HEARTBEAT_OUTBOUND_URL = var.outbound_url }
}

resource "aws_lambda_function" "checker" {
  function_name = local.checker_name
  # A change of the description restarts the function: a new chat id, or canary's key, is read at once.
  description = "Heartbeat: finds missed deadlines and tells of them (secrets version ${var.telegram_secrets_version}, canary key version ${var.canary_api_key_version})"
  role        = aws_iam_role.checker.arn

  filename         = var.checker_zip
  source_code_hash = fileexists(var.checker_zip) ? filebase64sha256(var.checker_zip) : null
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.lambda_architecture]
  memory_size      = var.checker_memory_mb
  # It works until 15 s before its end, which lies 5 s into the next invocation: hardly a moment without a look, and
  # two at once are harmless.
  timeout                        = var.schedule_minutes * 60 + 5
  reserved_concurrent_executions = var.checker_reserved_concurrency

  environment {
    variables = merge({
      HEARTBEAT_TABLE_NAME          = aws_dynamodb_table.monitors.name
      HEARTBEAT_API_KEYS_TABLE_NAME = aws_dynamodb_table.keys.name
      EVENTS_TABLE                  = aws_dynamodb_table.events.name
      DIRECTORY_TABLE               = aws_dynamodb_table.directory.name
      TELEGRAM_BOT_TOKEN_PARAM      = aws_ssm_parameter.telegram_bot_token.name
      TELEGRAM_CHAT_ID_PARAM        = aws_ssm_parameter.telegram_chat_id.name
      HEARTBEAT_CHECK_INTERVAL      = tostring(var.check_interval_seconds)
      HEARTBEAT_OUTAGE_HOLD         = local.outage_hold
      RUST_LOG                      = var.log_level
    }, local.canary_environment, local.outbound_environment)
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = local.application_log_level
    # Lambda's own START, END and REPORT lines would cost more than the function.
    system_log_level = "WARN"
    log_group        = aws_cloudwatch_log_group.checker.name
  }

  lifecycle {
    precondition {
      condition     = fileexists(var.checker_zip)
      error_message = "${var.checker_zip} is not there: run ./scripts/build-lambda.sh first, from the project's root."
    }
  }

  depends_on = [aws_iam_role_policy.checker]
}

# An invocation that failed is not repeated: the next minute's is the repetition. It leaves a message.
resource "aws_lambda_function_event_invoke_config" "checker" {
  function_name                = aws_lambda_function.checker.function_name
  maximum_event_age_in_seconds = 60
  maximum_retry_attempts       = 0

  destination_config {
    on_failure {
      destination = local.arns.queue
    }
  }

  depends_on = [aws_iam_role_policy.checker, aws_sqs_queue.dead_letters]
}

resource "aws_iam_role" "checker" {
  name               = local.checker_name
  description        = "The Heartbeat checker's function"
  assume_role_policy = local.lambda_trust
}

resource "aws_iam_role_policy" "checker" {
  name = "checker"
  role = aws_iam_role.checker.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.table_statements.checker, [
      {
        Sid      = "Secrets"
        Effect   = "Allow"
        Action   = ["ssm:GetParameters"]
        Resource = local.arns.parameters
      },
      local.channel_secrets_statement,
      {
        Sid      = "DeadLetters"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = local.arns.queue
      },
      local.log_statement[local.checker_name],
    ])
  })
}
