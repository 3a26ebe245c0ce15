# The Telegram secrets and the canary's key. Their values go to AWS and nowhere else: write-only arguments are in no plan and no state.
# Standard parameters and AWS's own key (alias/aws/ssm) cost nothing.

locals {
  has_canary = var.canary_api_key_version > 0

  parameter_names = merge({
    bot_token = "/${var.name_prefix}/telegram-bot-token"
    chat_id   = "/${var.name_prefix}/telegram-chat-id"
  }, local.has_canary ? { canary_api_key = "/${var.name_prefix}/canary-api-key" } : {})

  # Stored where a parameter is made, or its version raised, without a value: the checker refuses it and says so, and
  # checker-errors is raised. (An older value is in the parameter's history: docs/runbook.md.)
  no_secret = "not-set"
}

resource "aws_ssm_parameter" "telegram_bot_token" {
  name             = local.parameter_names.bot_token
  description      = "Token of the Telegram bot that sends Heartbeat's alerts"
  type             = "SecureString"
  tier             = "Standard"
  value_wo         = var.telegram_bot_token == null ? local.no_secret : var.telegram_bot_token
  value_wo_version = var.telegram_secrets_version
}

resource "aws_ssm_parameter" "telegram_chat_id" {
  name             = local.parameter_names.chat_id
  description      = "Telegram chat that Heartbeat tells"
  type             = "SecureString"
  tier             = "Standard"
  value_wo         = var.telegram_chat_id == null ? local.no_secret : var.telegram_chat_id
  value_wo_version = var.telegram_secrets_version
}

resource "aws_ssm_parameter" "canary_api_key" {
  count = local.has_canary ? 1 : 0

  name             = local.parameter_names.canary_api_key
  description      = "API key with which Heartbeat's checker pings through the public address"
  type             = "SecureString"
  tier             = "Standard"
  value_wo         = var.canary_api_key == null ? local.no_secret : var.canary_api_key
  value_wo_version = var.canary_api_key_version
}
