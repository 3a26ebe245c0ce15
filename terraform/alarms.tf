# Who is told when Heartbeat itself is in trouble, and of what. Each alarm's name is a heading of docs/runbook.md.
#
# The times keep three things apart: a hiccup, which the next minute mends (three of five minutes must be bad); the two
# minutes' schedule (a window holds at least two invocations); and a deployment, which takes less than five minutes.

resource "aws_sns_topic" "alarms" {
  #checkov:skip=CKV_AWS_26:AWS's own key does not let alarms publish, and a key of ours costs more than all the rest; an alarm holds no secret
  name = local.topic_name
}

resource "aws_sns_topic_policy" "alarms" {
  arn = aws_sns_topic.alarms.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Alarms"
      Effect    = "Allow"
      Action    = "sns:Publish"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Resource  = local.arns.topic
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = local.arns.alarms }
      }
    }]
  })
}

resource "aws_sns_topic_subscription" "email" {
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alert_email
}

locals {
  checker = { FunctionName = local.checker_name }

  # Alarms over one metric.
  alarms = {
    checker-not-invoked = {
      meaning       = "Nothing has called the checker for 5 minutes: nobody is told of anything."
      namespace     = "AWS/Lambda"
      metric        = "Invocations"
      statistic     = "Sum"
      dimensions    = local.checker
      period        = 300
      periods       = 1
      bad_periods   = 1
      comparison    = "LessThanThreshold"
      threshold     = 1
      missing       = "breaching"
      while_stopped = false
    }
    checker-errors = {
      meaning       = "Three of the last five invocations of the checker have failed."
      namespace     = "AWS/Lambda"
      metric        = "Errors"
      statistic     = "Sum"
      dimensions    = local.checker
      period        = var.schedule_minutes * 60
      periods       = 5
      bad_periods   = 3
      comparison    = "GreaterThanOrEqualToThreshold"
      threshold     = 1
      missing       = "notBreaching"
      while_stopped = true
    }
    pass-not-completed = {
      meaning       = "The checker has not come through a pass for 5 minutes: nobody is told of anything."
      namespace     = "Heartbeat"
      metric        = "pass_completed"
      statistic     = "Sum"
      dimensions    = local.checker
      period        = 300
      periods       = 1
      bad_periods   = 1
      comparison    = "LessThanThreshold"
      threshold     = 1
      missing       = "breaching"
      while_stopped = false
    }
    # A look every 10 s finds what is due within seconds of it. After a gap the first look shows its length: that is one
    # minute of five. It stays old where passes do not get through what is due.
    oldest-due-age = {
      meaning       = "What is due has waited for more than 3 minutes, again and again: outages are found late."
      namespace     = "Heartbeat"
      metric        = "oldest_due_age"
      statistic     = "Maximum"
      dimensions    = local.checker
      period        = 60
      periods       = 5
      bad_periods   = 3
      comparison    = "GreaterThanThreshold"
      threshold     = 180
      missing       = "notBreaching"
      while_stopped = true
    }
    # Attempts are 5 s, 15 s, 1 min and 5 min apart at first: after 10 minutes all of those have failed.
    outbox-age = {
      meaning       = "A message has waited for more than 10 minutes: Telegram does not take it."
      namespace     = "Heartbeat"
      metric        = "outbox_oldest_age"
      statistic     = "Maximum"
      dimensions    = local.checker
      period        = 60
      periods       = 5
      bad_periods   = 3
      comparison    = "GreaterThanThreshold"
      threshold     = 600
      missing       = "notBreaching"
      while_stopped = true
    }
    # An audit is due every 10 minutes: two of them fit, so that it does not end between two bad ones.
    auditor-found-missed = {
      meaning       = "The auditor found a monitor that the overdue index had missed. It was dealt with; it should never happen."
      namespace     = "Heartbeat"
      metric        = "auditor_found_missed"
      statistic     = "Sum"
      dimensions    = local.checker
      period        = 1200
      periods       = 1
      bad_periods   = 1
      comparison    = "GreaterThanOrEqualToThreshold"
      threshold     = 1
      missing       = "notBreaching"
      while_stopped = true
    }
    dead-letters = {
      meaning       = "A call of the checker failed within the last day, so for a minute or two nobody looked."
      namespace     = "AWS/SQS"
      metric        = "ApproximateNumberOfMessagesVisible"
      statistic     = "Maximum"
      dimensions    = { QueueName = local.queue_name }
      period        = 300
      periods       = 1
      bad_periods   = 1
      comparison    = "GreaterThanThreshold"
      threshold     = 0
      missing       = "notBreaching"
      while_stopped = true
    }
  }

  # Alarms over a sum.
  sums = {
    # A spike at the start of an hour is ridden out by retries and passes within a minute.
    table-throttled = {
      meaning    = "DynamoDB has throttled ${local.table_names.monitors} in 3 of 5 minutes: pings may get a 503."
      namespace  = "AWS/DynamoDB"
      metrics    = ["ReadThrottleEvents", "WriteThrottleEvents"]
      dimensions = { TableName = local.table_names.monitors }
      period     = 60
      wanted     = true
    }
    index-throttled = {
      meaning    = "DynamoDB has throttled overdue-index in 3 of 5 minutes, and with it the table: pings may get a 503."
      namespace  = "AWS/DynamoDB"
      metrics    = ["ReadThrottleEvents", "WriteThrottleEvents"]
      dimensions = { TableName = local.table_names.monitors, GlobalSecondaryIndexName = "overdue-index" }
      period     = 60
      wanted     = true
    }
    # Throttles are answered 429 and are no 5xx, and a client that does not try again has lost its ping all the same.
    api-errors = {
      meaning    = "The API has answered 5xx, or was throttled, in 3 of 5 minutes: pings may be lost."
      namespace  = "AWS/Lambda"
      metrics    = ["Throttles", "Url5xxCount"]
      dimensions = { FunctionName = local.api_name }
      period     = 60
      wanted     = var.api_function
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "one" {
  for_each = local.alarms

  alarm_name          = "${var.name_prefix}-${each.key}"
  alarm_description   = "${each.value.meaning} What to do: docs/runbook.md#${each.key}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = each.value.period
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.bad_periods
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  treat_missing_data  = each.value.missing
  alarm_actions       = [local.arns.topic]
  ok_actions          = [local.arns.topic]
  # What is stopped on purpose is not missed.
  actions_enabled = var.schedule_enabled || each.value.while_stopped

  # Only when the checker runs is there something to miss.
  depends_on = [aws_scheduler_schedule.checker, aws_sns_topic_policy.alarms]
}

resource "aws_cloudwatch_metric_alarm" "sum" {
  for_each = { for name, alarm in local.sums : name => alarm if alarm.wanted }

  alarm_name          = "${var.name_prefix}-${each.key}"
  alarm_description   = "${each.value.meaning} What to do: docs/runbook.md#${each.key}"
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [local.arns.topic]
  ok_actions          = [local.arns.topic]

  # These metrics are there only when they are not zero, each for itself: without FILL, one of them missing would hide the
  # other, and an alarm over DynamoDB's, for which missing data changes nothing, might never end.
  metric_query {
    id          = "all"
    expression  = "SUM(FILL(METRICS(), 0))"
    label       = each.key
    return_data = true
  }

  dynamic "metric_query" {
    for_each = each.value.metrics

    content {
      id          = "m${metric_query.key}"
      return_data = false

      metric {
        namespace   = each.value.namespace
        metric_name = metric_query.value
        dimensions  = each.value.dimensions
        period      = each.value.period
        stat        = "Sum"
      }
    }
  }

  depends_on = [aws_sns_topic_policy.alarms]
}
