# The API as a function with a public URL. Optional: it may as well run as a container, see on_premises.tf.

resource "aws_lambda_function" "api" {
  count = var.api_function ? 1 : 0

  function_name = local.api_name
  description   = "Heartbeat: answers pings and management calls"
  role          = aws_iam_role.api[0].arn

  filename                       = var.api_zip
  source_code_hash               = fileexists(var.api_zip) ? filebase64sha256(var.api_zip) : null
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.lambda_architecture]
  memory_size                    = var.api_memory_mb
  timeout                        = 15
  reserved_concurrent_executions = var.api_reserved_concurrency

  environment {
    variables = {
      MONITORS_TABLE        = aws_dynamodb_table.monitors.name
      KEYS_TABLE            = aws_dynamodb_table.keys.name
      EVENTS_TABLE          = aws_dynamodb_table.events.name
      DIRECTORY_TABLE       = aws_dynamodb_table.directory.name
      HEARTBEAT_OUTAGE_HOLD = local.outage_hold
      RUST_LOG              = var.log_level
    }
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = local.application_log_level
    system_log_level      = "WARN"
    log_group             = aws_cloudwatch_log_group.api[0].name
  }

  lifecycle {
    precondition {
      condition     = fileexists(var.api_zip)
      error_message = "${var.api_zip} is not there: run ./scripts/build-lambda.sh first, from the project's root."
    }
  }

  depends_on = [aws_iam_role_policy.api]
}

# Open to everybody, as a door with a lock is: every request needs an API key of Heartbeat's own.
resource "aws_lambda_function_url" "api" {
  count = var.api_function ? 1 : 0

  function_name      = aws_lambda_function.api[0].function_name
  authorization_type = "NONE"
}

# Since October 2025 a public URL needs both.
resource "aws_lambda_permission" "api_url" {
  #checkov:skip=CKV_AWS_301:A ping comes from anywhere, with an API key that the function checks; jobs have no AWS credentials
  count = var.api_function ? 1 : 0

  statement_id           = "public-url"
  action                 = "lambda:InvokeFunctionUrl"
  function_name          = aws_lambda_function.api[0].function_name
  principal              = "*"
  function_url_auth_type = "NONE"
}

resource "aws_lambda_permission" "api_through_url" {
  #checkov:skip=CKV_AWS_301:As above, and only through the URL
  count = var.api_function ? 1 : 0

  statement_id             = "public-url-invoke"
  action                   = "lambda:InvokeFunction"
  function_name            = aws_lambda_function.api[0].function_name
  principal                = "*"
  invoked_via_function_url = true
}

resource "aws_iam_role" "api" {
  count = var.api_function ? 1 : 0

  name               = local.api_name
  description        = "The Heartbeat API's function"
  assume_role_policy = local.lambda_trust
}

resource "aws_iam_role_policy" "api" {
  count = var.api_function ? 1 : 0

  name = "api"
  role = aws_iam_role.api[0].name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.api_statements, [local.log_statement[local.api_name]])
  })
}
