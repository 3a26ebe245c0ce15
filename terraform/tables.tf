# The tables, as crates/heartbeat-core/src/dynamo/tables.rs has them; crates/heartbeat-proof/tests/terraform.rs compares.
# All are encrypted with DynamoDB's own key, which costs nothing and is the default.

locals {
  table_names = {
    monitors  = "${var.name_prefix}-monitors"
    keys      = "${var.name_prefix}-api-keys"
    events    = "${var.name_prefix}-events"
    directory = "${var.name_prefix}-directory"
  }

  billing_mode = var.capacity == "provisioned" ? "PROVISIONED" : "PAY_PER_REQUEST"
  units        = { for place, units in var.provisioned_units : place => var.capacity == "provisioned" ? units : { read = null, write = null } }
}

resource "aws_dynamodb_table" "monitors" {
  name                        = local.table_names.monitors
  billing_mode                = local.billing_mode
  read_capacity               = local.units["monitors"].read
  write_capacity              = local.units["monitors"].write
  hash_key                    = "id"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "id"
    type = "S"
  }

  attribute {
    name = "shard"
    type = "N"
  }

  attribute {
    name = "wake_at"
    type = "N"
  }

  attribute {
    name = "project"
    type = "S"
  }

  attribute {
    name = "slug"
    type = "S"
  }

  # What must be looked at, and when.
  global_secondary_index {
    name            = "overdue-index"
    projection_type = "KEYS_ONLY"
    read_capacity   = local.units["overdue-index"].read
    write_capacity  = local.units["overdue-index"].write

    key_schema {
      attribute_name = "shard"
      key_type       = "HASH"
    }

    key_schema {
      attribute_name = "wake_at"
      key_type       = "RANGE"
    }
  }

  # A project's monitors, by slug.
  global_secondary_index {
    name            = "project-index"
    projection_type = "KEYS_ONLY"
    read_capacity   = local.units["project-index"].read
    write_capacity  = local.units["project-index"].write

    key_schema {
      attribute_name = "project"
      key_type       = "HASH"
    }

    key_schema {
      attribute_name = "slug"
      key_type       = "RANGE"
    }
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = var.point_in_time_recovery
  }
}

resource "aws_dynamodb_table" "keys" {
  name                        = local.table_names.keys
  billing_mode                = local.billing_mode
  read_capacity               = local.units["keys"].read
  write_capacity              = local.units["keys"].write
  hash_key                    = "key_hash"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "key_hash"
    type = "S"
  }

  point_in_time_recovery {
    enabled = var.point_in_time_recovery
  }
}

resource "aws_dynamodb_table" "events" {
  name                        = local.table_names.events
  billing_mode                = local.billing_mode
  read_capacity               = local.units["events"].read
  write_capacity              = local.units["events"].write
  hash_key                    = "stream"
  range_key                   = "id"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "stream"
    type = "S"
  }

  attribute {
    name = "id"
    type = "S"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = var.point_in_time_recovery
  }
}

resource "aws_dynamodb_table" "directory" {
  name                        = local.table_names.directory
  billing_mode                = local.billing_mode
  read_capacity               = local.units["directory"].read
  write_capacity              = local.units["directory"].write
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  point_in_time_recovery {
    enabled = var.point_in_time_recovery
  }
}
