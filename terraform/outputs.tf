output "region" {
  description = "Where everything is."
  value       = local.region
}

output "table_names" {
  description = "The tables."
  value       = local.table_names
}

output "checker_function_name" {
  description = "The checker's function."
  value       = aws_lambda_function.checker.function_name
}

output "checker_logs_command" {
  description = "Shows what the checker logs, as it does."
  value       = "aws logs tail ${aws_cloudwatch_log_group.checker.name} --follow --region ${local.region}"
}

output "api_function_name" {
  description = "The API's function; null without api_function."
  value       = one(aws_lambda_function.api[*].function_name)
}

output "api_url" {
  description = "Where jobs ping; null without api_function."
  value       = one(aws_lambda_function_url.api[*].function_url)
}

output "add_api_key_command" {
  description = "Makes an API key. Run it in the project's root, with your AWS credentials."
  value       = "${local.add_api_key} --description \"my service\""
}

output "add_canary_key_command" {
  description = "Makes the canary's API key, which can ping one monitor of the operator's own project and nothing else. Then apply with canary_api_key and canary_api_key_version."
  value       = "${local.add_api_key} --project heartbeat --monitor canary --scope ping --description canary"
}

output "canary_url" {
  description = "Where the canary pings; null without one. Then nobody notices that a function's URL hears nothing, and its silent jobs are told as dead."
  value       = local.has_canary ? local.public_url : null
}

output "api_environment" {
  description = "The environment of an API outside of AWS, and of the heartbeat commands; credentials come beside it."
  value       = local.api_environment
}

output "api_container_command" {
  description = "Starts the API as a container, with an access key from the environment."
  value       = "podman run -d --name heartbeat-api -p 3000:3000 -e AWS_ACCESS_KEY_ID -e AWS_SECRET_ACCESS_KEY ${join(" ", [for name, value in local.api_environment : "-e ${name}=${value}"])} heartbeat-api"
}

output "on_premises_policy_arn" {
  description = "What an API outside of AWS may do: attach it to an identity of your own, where you use neither of the two below."
  value       = aws_iam_policy.on_premises.arn
}

output "on_premises_access_key_command" {
  description = "Makes the access key of the API's user and shows it once; null without on_premises_user."
  value       = one([for user in aws_iam_user.on_premises : "aws iam create-access-key --user-name ${user.name}"])
}

output "on_premises_roles_anywhere" {
  description = "What aws_signing_helper asks for; null without on_premises_ca_certificate."
  value = one([for profile in aws_rolesanywhere_profile.on_premises : {
    trust_anchor_arn = aws_rolesanywhere_trust_anchor.on_premises[0].arn
    profile_arn      = profile.arn
    role_arn         = aws_iam_role.on_premises[0].arn
  }])
}

output "alarm_topic_arn" {
  description = "Where alarms are published: subscribe your pager here, too."
  value       = aws_sns_topic.alarms.arn
}

output "alarm_names" {
  description = "The alarms; docs/runbook.md has a section for each."
  value       = sort(concat([for alarm in aws_cloudwatch_metric_alarm.one : alarm.alarm_name], [for alarm in aws_cloudwatch_metric_alarm.sum : alarm.alarm_name]))
}

locals {
  tables_environment = {
    AWS_REGION      = local.region
    MONITORS_TABLE  = local.table_names.monitors
    KEYS_TABLE      = local.table_names.keys
    EVENTS_TABLE    = local.table_names.events
    DIRECTORY_TABLE = local.table_names.directory
  }

  api_environment = merge(local.tables_environment, { HEARTBEAT_OUTAGE_HOLD = local.outage_hold })

  add_api_key = "${join(" ", [for name, value in local.tables_environment : "${name}=${value}"])} cargo run --release --bin add-api-key --"
}
