# The log groups are made here, before the functions: Lambda's own would be kept for ever.

locals {
  # Metrics are written as log lines of level INFO: Lambda must let those through even where the program logs less.
  application_log_level = contains(["debug", "trace"], var.log_level) ? upper(var.log_level) : "INFO"
}

resource "aws_cloudwatch_log_group" "checker" {
  name              = "/aws/lambda/${local.checker_name}"
  retention_in_days = var.log_retention_days
}

resource "aws_cloudwatch_log_group" "api" {
  count = var.api_function ? 1 : 0

  name              = "/aws/lambda/${local.api_name}"
  retention_in_days = var.log_retention_days
}
