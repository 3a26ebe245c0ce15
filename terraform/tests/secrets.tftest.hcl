# The secrets go to AWS, and to no plan, state or output.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  telegram_bot_token = "123456789:not-a-token-only-shaped-like-one-0"
  telegram_chat_id   = "-1001234567890"
  alert_email        = "you@example.com"
  checker_zip        = "main.tf"
  # `terraform test` applies nothing while an ephemeral variable is left out; the command does.
  canary_api_key         = "hb_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567"
  canary_api_key_version = 3
  canary_url             = "https://heartbeat.example.org"
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
    canary_api_key     = null
  }

  assert {
    condition     = aws_ssm_parameter.telegram_bot_token.value_wo_version == 1
    error_message = "The same version: nothing is sent."
  }
}

run "there_is_no_canary_unless_asked_for" {
  command = plan

  variables {
    canary_api_key         = null
    canary_api_key_version = 0
    canary_url             = null
  }

  assert {
    condition     = length(aws_ssm_parameter.canary_api_key) == 0 && output.canary_url == null && !contains(keys(one(aws_lambda_function.checker.environment).variables), "HEARTBEAT_CANARY_KEY_PARAM")
    error_message = "Its key alone would be a mistake to the checker."
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.checker.policy, "canary")
    error_message = "A parameter that is not there need not be read."
  }
}

run "the_key_of_a_canary" {
  command = apply

  assert {
    condition     = aws_ssm_parameter.canary_api_key[0].value_wo == null && aws_ssm_parameter.canary_api_key[0].value != "hb_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567" && aws_ssm_parameter.canary_api_key[0].insecure_value != "hb_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567"
    error_message = "The key is in the state."
  }

  assert {
    condition     = aws_ssm_parameter.canary_api_key[0].type == "SecureString" && aws_ssm_parameter.canary_api_key[0].tier == "Standard" && aws_ssm_parameter.canary_api_key[0].value_wo_version == 3
    error_message = "The parameter must be encrypted, cost nothing, and be sent."
  }

  assert {
    condition     = one(aws_lambda_function.checker.environment).variables.HEARTBEAT_CANARY_KEY_PARAM == "/heartbeat/canary-api-key" && one(aws_lambda_function.checker.environment).variables.HEARTBEAT_CANARY_URL == "https://heartbeat.example.org" && output.canary_url == "https://heartbeat.example.org"
    error_message = "The checker does not know its canary."
  }

  assert {
    condition     = strcontains(aws_lambda_function.checker.description, "canary key version 3")
    error_message = "Instances that know the old key would live on."
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
    condition     = strcontains(aws_lambda_function.checker.description, "secrets version 2")
    error_message = "Instances that know the old chat would live on."
  }
}
