# The secrets go to AWS, and to no plan, state or output.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  telegram_bot_token = "123456789:not-a-token-only-shaped-like-one-0"
  telegram_chat_id   = "-1001234567890"
  alert_email        = "you@example.com"
  checker_zip        = "main.tf"
}

run "nothing_of_them_is_in_the_state" {
  command = apply

  assert {
    condition     = aws_ssm_parameter.telegram_bot_token.value_wo == null && aws_ssm_parameter.telegram_chat_id.value_wo == null
    error_message = "A write-only value is in the state."
  }

  assert {
    condition     = aws_ssm_parameter.telegram_bot_token.insecure_value != "123456789:not-a-token-only-shaped-like-one-0" && aws_ssm_parameter.telegram_bot_token.value != "123456789:not-a-token-only-shaped-like-one-0"
    error_message = "The token is in the state."
  }

  assert {
    condition     = aws_ssm_parameter.telegram_bot_token.type == "SecureString" && aws_ssm_parameter.telegram_chat_id.type == "SecureString" && aws_ssm_parameter.telegram_bot_token.tier == "Standard"
    error_message = "The parameters must be encrypted, and of the tier that costs nothing."
  }

  assert {
    condition     = aws_ssm_parameter.telegram_bot_token.value_wo_version == 1 && aws_ssm_parameter.telegram_chat_id.value_wo_version == 1
    error_message = "Without a version the values would never be sent."
  }
}

run "an_upgrade_needs_no_secrets" {
  command = plan

  variables {
    telegram_bot_token = null
    telegram_chat_id   = null
  }

  assert {
    condition     = aws_ssm_parameter.telegram_bot_token.value_wo_version == 1
    error_message = "The same version: nothing is sent."
  }
}

run "a_new_version_is_sent_and_restarts_the_checker" {
  command = plan

  variables {
    telegram_secrets_version = 2
  }

  assert {
    condition     = aws_ssm_parameter.telegram_bot_token.value_wo_version == 2 && aws_ssm_parameter.telegram_chat_id.value_wo_version == 2
    error_message = "Both are sent."
  }

  assert {
    condition     = strcontains(aws_lambda_function.checker.description, "version 2")
    error_message = "Instances that know the old chat would live on."
  }
}
