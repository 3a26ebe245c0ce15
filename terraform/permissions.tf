# Who may do what with the tables: what the code asks for, and nothing else. README.md's table of actions is the union;
# crates/heartbeat-proof/tests/terraform.rs compares all three.

locals {
  table_actions = {
    # Answers pings and the management calls. Query is for a project's channels (directory), and for what became of what
    # they were told (events). PutItem on keys is for ping URLs: they are made with their monitor.
    api = {
      monitors  = ["BatchGetItem", "DescribeTable", "GetItem", "PutItem", "UpdateItem"]
      keys      = ["DescribeTable", "GetItem", "PutItem"]
      events    = ["BatchWriteItem", "DescribeTable", "GetItem", "Query"]
      directory = ["DescribeTable", "GetItem", "PutItem", "Query"]
    }
    # Finds what is due, and tells the channels of its project (Query on the directory); Scan is the auditor's, who misses
    # nothing that the index missed. It makes only monitors of the operator's own (PutItem on monitors), and it opens no
    # keys: it checks that their table is there.
    checker = {
      monitors  = ["DescribeTable", "GetItem", "PutItem", "Scan", "UpdateItem"]
      keys      = ["DescribeTable"]
      events    = ["BatchWriteItem", "DescribeTable", "GetItem"]
      directory = ["DescribeTable", "GetItem", "PutItem", "Query"]
    }
  }

  queried_index = { api = "project-index", checker = "overdue-index" }

  table_statements = {
    for program, tables in local.table_actions : program => concat(
      [for role, actions in tables : {
        Sid      = title(role)
        Effect   = "Allow"
        Action   = [for action in actions : "dynamodb:${action}"]
        Resource = local.arns.tables[role]
      }],
      [{
        Sid      = "Index"
        Effect   = "Allow"
        Action   = ["dynamodb:Query"]
        Resource = "${local.arns.tables.monitors}/index/${local.queried_index[program]}"
      }],
    )
  }

  # What a channel may name as ssm:/heartbeat/channels/…: the checker reads it to tell, the API to test. The code lets a channel name
  # nothing else (crates/heartbeat-core/src/channel/secret.rs), whatever name_prefix is: so a second installation in the same
  # account and region shares these with the first, and its channels could be given the first one's. Where that matters,
  # give it an account or a region of its own.
  channel_secrets_statement = {
    Sid      = "ChannelSecrets"
    Effect   = "Allow"
    Action   = ["ssm:GetParameters"]
    Resource = local.arns.channel_secrets
  }

  api_statements = concat(local.table_statements.api, [local.channel_secrets_statement])

  log_statement = {
    for name, arn in local.arns.logs : name => {
      Sid      = "Logs"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = arn
    }
  }

  # No condition on the account: Lambda takes a role of its own account only, and documents none here. One that it did not
  # fill in would keep every function from starting.
  lambda_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}
