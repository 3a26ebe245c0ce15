# Who may do what. That it is what the code asks for is compared by crates/heartbeat-proof/tests/terraform.rs.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  telegram_bot_token         = "123456789:not-a-token-only-shaped-like-one-0"
  telegram_chat_id           = "-1001234567890"
  alert_email                = "you@example.com"
  checker_zip                = "main.tf"
  api_zip                    = "main.tf"
  api_function               = true
  on_premises_ca_certificate = "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n"
  canary_api_key             = "hb_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567"
  canary_api_key_version     = 1
}

run "least_privilege" {
  command = apply

  # No policy has a wildcard

  assert {
    condition = alltrue(flatten([for policy in [aws_iam_role_policy.checker.policy, aws_iam_role_policy.api[0].policy, aws_iam_role_policy.scheduler.policy, aws_iam_policy.on_premises.policy] : [
      for statement in jsondecode(policy).Statement : [
        for word in flatten([statement.Action, statement.Resource]) : !strcontains(trimsuffix(trimsuffix(word, ":*"), ":parameter/heartbeat/channels/*"), "*")
      ]
    ]]))
    error_message = "Every policy names its actions and resources. (A log group's streams and the secrets of channels are the exceptions.)"
  }

  # Who reads which secrets, and scans

  assert {
    condition = alltrue([for policy in [aws_iam_role_policy.api[0].policy, aws_iam_policy.on_premises.policy] :
      [for statement in jsondecode(policy).Statement : statement.Resource if contains(flatten([statement.Action]), "ssm:GetParameters")] == ["arn:aws:ssm:eu-north-1:123456789012:parameter/heartbeat/channels/*"]
    ]) && !strcontains(aws_iam_role_policy.scheduler.policy, "ssm:")
    error_message = "The API reads what a channel may name, and no other secret."
  }

  assert {
    condition     = toset(flatten([for statement in jsondecode(aws_iam_role_policy.checker.policy).Statement : statement.Resource if contains(flatten([statement.Action]), "ssm:GetParameters")])) == toset([for name in ["telegram-bot-token", "telegram-chat-id", "canary-api-key", "channels/*"] : "arn:aws:ssm:eu-north-1:123456789012:parameter/heartbeat/${name}"])
    error_message = "The checker reads its own parameters and what a channel may name, and no other."
  }

  assert {
    condition     = alltrue([for policy in [aws_iam_role_policy.checker.policy, aws_iam_role_policy.api[0].policy, aws_iam_policy.on_premises.policy, aws_iam_role_policy.scheduler.policy] : !strcontains(policy, "ssm:Put") && !strcontains(policy, "ssm:GetParametersByPath") && !strcontains(policy, "ssm:Describe")])
    error_message = "Nobody writes secrets, or looks which there are."
  }

  assert {
    condition     = !strcontains(aws_iam_policy.on_premises.policy, "dynamodb:Scan") && strcontains(aws_iam_role_policy.checker.policy, "dynamodb:Scan")
    error_message = "Only the auditor reads everything."
  }

  # Nobody else can make the services act

  assert {
    condition     = one(jsondecode(aws_iam_role.scheduler.assume_role_policy).Statement).Condition.StringEquals == { "aws:SourceAccount" = "123456789012", "aws:SourceArn" = "arn:aws:scheduler:eu-north-1:123456789012:schedule-group/heartbeat" }
    error_message = "Only our own schedules may use the scheduler's role."
  }

  assert {
    condition     = one(jsondecode(aws_sns_topic_policy.alarms.policy).Statement).Condition.StringEquals == { "aws:SourceAccount" = "123456789012" } && one(jsondecode(aws_sns_topic_policy.alarms.policy).Statement).Principal == { Service = "cloudwatch.amazonaws.com" }
    error_message = "Only our own alarms may publish."
  }

  # A certificate must be ours and of the right name

  assert {
    condition     = one(jsondecode(aws_iam_role.on_premises[0].assume_role_policy).Statement).Condition == { ArnEquals = { "aws:SourceArn" = aws_rolesanywhere_trust_anchor.on_premises[0].arn }, StringEquals = { "aws:PrincipalTag/x509Subject/CN" = "heartbeat-api" } }
    error_message = "Another CA, or another name, gets in."
  }

  assert {
    condition     = aws_iam_role_policy_attachment.on_premises[0].policy_arn == aws_iam_policy.on_premises.arn && output.on_premises_roles_anywhere.role_arn == aws_iam_role.on_premises[0].arn
    error_message = "The role has another policy, or the output another role."
  }
}
