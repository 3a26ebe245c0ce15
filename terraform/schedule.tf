# What wakes the checker, and where a call that failed is noted.

resource "aws_scheduler_schedule_group" "heartbeat" {
  name = var.name_prefix
}

resource "aws_scheduler_schedule" "checker" {
  name                = local.schedule_name
  group_name          = aws_scheduler_schedule_group.heartbeat.name
  description         = "Wakes the Heartbeat checker"
  schedule_expression = var.schedule_minutes == 1 ? "rate(1 minute)" : "rate(${var.schedule_minutes} minutes)"
  state               = var.schedule_enabled ? "ENABLED" : "DISABLED"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = local.arns.checker
    role_arn = aws_iam_role.scheduler.arn

    # The next tick is the retry: an old one would only run beside it.
    retry_policy {
      maximum_event_age_in_seconds = 60
      maximum_retry_attempts       = 0
    }

    dead_letter_config {
      arn = local.arns.queue
    }
  }

  depends_on = [aws_lambda_function.checker, aws_iam_role_policy.scheduler, aws_sqs_queue.dead_letters]
}

resource "aws_iam_role" "scheduler" {
  name        = "${var.name_prefix}-scheduler"
  description = "Lets EventBridge Scheduler call the Heartbeat checker"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account, "aws:SourceArn" = local.arns.schedule_group } }
    }]
  })
}

resource "aws_iam_role_policy" "scheduler" {
  name = "invoke"
  role = aws_iam_role.scheduler.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Invoke"
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = local.arns.checker
      },
      {
        Sid      = "DeadLetters"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = local.arns.queue
      },
    ]
  })
}

resource "aws_sqs_queue" "dead_letters" {
  name                    = local.queue_name
  sqs_managed_sse_enabled = true
  # A message says no more than that a call failed; the logs say why, and longer. After a day it is gone and its alarm ends by
  # itself: one that stays red for two weeks hides the next.
  message_retention_seconds = 86400
}
