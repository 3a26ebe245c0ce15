# Heartbeat on AWS. README.md says what this makes, what it costs and how to start.

terraform {
  # 1.11 is the first with write-only arguments: they keep the secrets out of the state.
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # 6.29 is the first whose indexes take key_schema blocks.
      version = ">= 6.29, < 7"
    }
  }

  # The bucket is yours: terraform init -backend-config="bucket=NAME" -backend-config="region=REGION"
  backend "s3" {
    key          = "heartbeat/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = merge({ Application = "heartbeat", ManagedBy = "terraform" }, var.tags)
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region

  checker_name  = "${var.name_prefix}-checker"
  api_name      = "${var.name_prefix}-api"
  schedule_name = "${var.name_prefix}-checker"
  queue_name    = "${var.name_prefix}-dead-letters"
  topic_name    = "${var.name_prefix}-alarms"

  # Made from names, not asked of resources: so every policy can be read in the plan, and tests can read it too.
  arns = {
    checker        = "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${local.checker_name}"
    schedule_group = "arn:${local.partition}:scheduler:${local.region}:${local.account}:schedule-group/${var.name_prefix}"
    queue          = "arn:${local.partition}:sqs:${local.region}:${local.account}:${local.queue_name}"
    topic          = "arn:${local.partition}:sns:${local.region}:${local.account}:${local.topic_name}"
    alarms         = "arn:${local.partition}:cloudwatch:${local.region}:${local.account}:alarm:${var.name_prefix}-*"
    tables         = { for role, name in local.table_names : role => "arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${name}" }
    parameters     = [for name in values(local.parameter_names) : "arn:${local.partition}:ssm:${local.region}:${local.account}:parameter${name}"]
    # heartbeat, and not name_prefix: permissions.tf says why.
    channel_secrets = "arn:${local.partition}:ssm:${local.region}:${local.account}:parameter/heartbeat/channels/*"
    logs            = { for name in [local.checker_name, local.api_name] : name => "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/lambda/${name}:*" }
  }
}
