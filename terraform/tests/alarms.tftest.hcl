# Who watches the watchman.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  alert_email  = "you@example.com"
  checker_zip  = "main.tf"
  api_zip      = "main.tf"
  api_function = true
}

run "what_is_watched" {
  command = plan

  # Names

  assert {
    condition = output.alarm_names == tolist([
      "heartbeat-api-errors", "heartbeat-auditor-found-missed", "heartbeat-checker-errors", "heartbeat-checker-not-invoked", "heartbeat-dead-letters",
      "heartbeat-index-throttled", "heartbeat-oldest-due-age", "heartbeat-outbox-age", "heartbeat-pass-not-completed", "heartbeat-table-throttled",
    ])
    error_message = "Ten alarms, each a heading of docs/runbook.md. More than ten cost money."
  }

  assert {
    condition     = alltrue([for name, alarm in merge(aws_cloudwatch_metric_alarm.one, aws_cloudwatch_metric_alarm.sum) : endswith(alarm.alarm_description, "docs/runbook.md#${name}")])
    error_message = "An alarm must say where to read what to do."
  }

  assert {
    condition     = alltrue([for name, alarm in merge(aws_cloudwatch_metric_alarm.one, aws_cloudwatch_metric_alarm.sum) : alarm.alarm_actions == toset(["arn:aws:sns:eu-north-1:123456789012:heartbeat-alarms"]) && alarm.ok_actions == alarm.alarm_actions])
    error_message = "Somebody must be told, and told when it is over."
  }

  assert {
    condition     = aws_sns_topic.alarms.name == "heartbeat-alarms" && aws_sns_topic_subscription.email.protocol == "email" && aws_sns_topic_subscription.email.endpoint == "you@example.com"
    error_message = "The e-mail goes elsewhere."
  }

  # Metrics of our own

  assert {
    condition = { for name, alarm in aws_cloudwatch_metric_alarm.one : name => alarm.metric_name if alarm.namespace == "Heartbeat" } == {
      pass-not-completed   = "pass_completed"
      oldest-due-age       = "oldest_due_age"
      outbox-age           = "outbox_oldest_age"
      auditor-found-missed = "auditor_found_missed"
    }
    error_message = "The checker writes no such metric."
  }

  assert {
    condition     = alltrue([for name, alarm in aws_cloudwatch_metric_alarm.one : alarm.dimensions == tomap({ FunctionName = "heartbeat-checker" }) if alarm.namespace == "Heartbeat"])
    error_message = "The checker's metrics have this one dimension; with any other, an alarm sees nothing."
  }

  # Silence is an alarm where there must be sound

  assert {
    condition     = toset([for name, alarm in aws_cloudwatch_metric_alarm.one : name if alarm.treat_missing_data == "breaching"]) == toset(["checker-not-invoked", "pass-not-completed"])
    error_message = "A checker that is gone says nothing; all else is quiet when it is well."
  }

  assert {
    condition     = alltrue([for name in ["checker-not-invoked", "pass-not-completed"] : aws_cloudwatch_metric_alarm.one[name].period * aws_cloudwatch_metric_alarm.one[name].evaluation_periods == 300 && aws_cloudwatch_metric_alarm.one[name].comparison_operator == "LessThanThreshold" && aws_cloudwatch_metric_alarm.one[name].threshold == 1])
    error_message = "5 minutes of silence: one that is shorter would be met by a schedule of 2 minutes and a late log."
  }

  # Throttling of table and index

  assert {
    condition     = { for name, alarm in aws_cloudwatch_metric_alarm.sum : name => toset([for query in alarm.metric_query : one(query.metric).metric_name if length(query.metric) == 1]) } == { api-errors = toset(["Throttles", "Url5xxCount"]), index-throttled = toset(["ReadThrottleEvents", "WriteThrottleEvents"]), table-throttled = toset(["ReadThrottleEvents", "WriteThrottleEvents"]) }
    error_message = "Reads and writes, 5xx and 429."
  }

  assert {
    condition     = alltrue([for query in aws_cloudwatch_metric_alarm.sum["index-throttled"].metric_query : one(query.metric).dimensions == tomap({ TableName = "heartbeat-monitors", GlobalSecondaryIndexName = "overdue-index" }) if length(query.metric) == 1])
    error_message = "The index's metrics have two dimensions."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.sum : one([for query in alarm.metric_query : query.expression if query.return_data]) == "SUM(FILL(METRICS(), 0))"])
    error_message = "One metric that is missing must not hide the other."
  }
}

run "without_the_api_nobody_watches_it" {
  command = plan

  variables {
    api_function = false
  }

  assert {
    condition     = length(output.alarm_names) == 9 && !contains(output.alarm_names, "heartbeat-api-errors")
    error_message = "An alarm over nothing."
  }
}
