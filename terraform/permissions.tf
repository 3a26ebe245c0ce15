# Who may do what with the tables: what the code asks for, and nothing else. README.md's table of actions is the union;
# crates/heartbeat-proof/tests/terraform.rs compares all three.

locals {
  table_actions = {
    # Answers pings and the management calls.
    api = {
      monitors  = ["BatchGetItem", "DescribeTable", "GetItem", "PutItem", "UpdateItem"]
      keys      = ["DescribeTable", "GetItem"]
      events    = ["BatchWriteItem", "DescribeTable", "GetItem"]
      directory = ["DescribeTable", "GetItem", "PutItem"]
    }
    # Finds what is due; Scan is the auditor's, who misses nothing that the index missed. It opens no keys: it checks that
    # their table is there.
    checker = {
      monitors  = ["DescribeTable", "GetItem", "Scan", "UpdateItem"]
      keys      = ["DescribeTable"]
      events    = ["BatchWriteItem", "DescribeTable", "GetItem"]
      directory = ["DescribeTable", "GetItem", "PutItem"]
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
