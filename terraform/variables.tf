# The specification's three. Two are secrets: ephemeral, so neither the state nor a saved plan holds them. They are sent when
# the parameters are made and when telegram_secrets_version changes, and may be left out at all other times.

variable "telegram_bot_token" {
  description = "Token of the Telegram bot that sends the alerts, from @BotFather. Left out: the one that is stored stays."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = var.telegram_bot_token == null ? true : can(regex("^[0-9]+:[A-Za-z0-9_-]{30,}$", var.telegram_bot_token))
    error_message = "telegram_bot_token must be digits, a colon and 30 or more of A-Z a-z 0-9 _ -, such as 123456789:AAF4…: copy all of what @BotFather answered, without quotes or spaces."
  }
}

variable "telegram_chat_id" {
  description = "Chat that is told: a number (negative for a group), or @name of a public channel. Add the bot to it. Left out: the one that is stored stays."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = (var.telegram_chat_id == null) == (var.telegram_bot_token == null)
    error_message = "telegram_bot_token and telegram_chat_id belong together: set both, or neither (then what is stored stays)."
  }

  validation {
    condition     = var.telegram_chat_id == null ? true : can(regex("^(-?[0-9]+|@[A-Za-z][A-Za-z0-9_]{4,31})$", var.telegram_chat_id))
    error_message = "telegram_chat_id must be a number, such as -1001234567890, or @name of a public channel: write something in the chat, then look at https://api.telegram.org/bot<token>/getUpdates."
  }
}

variable "alert_email" {
  description = "Address that is told when Heartbeat itself is in trouble. AWS sends it a link first; until it is clicked, no alarm arrives."
  type        = string

  validation {
    condition     = can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", var.alert_email))
    error_message = "alert_email must be one e-mail address, such as you@example.com."
  }
}

variable "telegram_secrets_version" {
  description = "Add 1 when token or chat id change, and give both: Terraform cannot compare secrets, it compares this number."
  type        = number
  default     = 1

  validation {
    condition     = var.telegram_secrets_version >= 1 && floor(var.telegram_secrets_version) == var.telegram_secrets_version
    error_message = "telegram_secrets_version must be a whole number from 1 on."
  }
}

# Where, and under which names

variable "region" {
  description = "AWS region. By default the one of AWS_REGION or of your profile."
  type        = string
  default     = null

  validation {
    condition     = var.region == null || can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]+$", var.region))
    error_message = "region must be a name such as eu-north-1."
  }
}

variable "name_prefix" {
  description = "What all names begin with. Another one makes a second installation beside the first; give that a state of its own (-backend-config=\"key=…\")."
  type        = string
  default     = "heartbeat"

  validation {
    # The longest name made of it is a role's, which takes 64.
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name_prefix))
    error_message = "name_prefix must be 3 to 32 of a-z 0-9 -, beginning with a letter and not ending with a hyphen."
  }
}

variable "tags" {
  description = "Tags of everything, beside Application and ManagedBy."
  type        = map(string)
  default     = {}
}

# The checker

variable "checker_zip" {
  description = "The checker as ./scripts/build-lambda.sh makes it; a path from this folder."
  type        = string
  default     = "../target/lambda/heartbeat-checker/bootstrap.zip"
}

variable "lambda_architecture" {
  description = "What the zips were built for: arm64, which is cheaper, or x86_64."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.lambda_architecture)
    error_message = "lambda_architecture must be arm64 or x86_64."
  }
}

variable "schedule_minutes" {
  description = "Minutes between two invocations of the checker, 1 or 2. It looks every check_interval_seconds meanwhile, so 2 finds outages as soon and takes as long to come back after a crash."
  type        = number
  default     = 1

  validation {
    condition     = contains([1, 2], var.schedule_minutes)
    error_message = "schedule_minutes must be 1 or 2."
  }
}

variable "schedule_enabled" {
  description = "false stops the checker: nobody is told of anything. For moving to another store, or a restore; the alarms that would miss it are muted as long."
  type        = bool
  default     = true
}

variable "check_interval_seconds" {
  description = "How often the checker looks inside an invocation. 60 or more is one look an invocation: the cheapest, and up to a minute slower."
  type        = number
  default     = 10

  validation {
    condition     = var.check_interval_seconds >= 1 && var.check_interval_seconds <= 3600 && floor(var.check_interval_seconds) == var.check_interval_seconds
    error_message = "check_interval_seconds must be a whole number of seconds from 1 to 3600."
  }
}

variable "checker_memory_mb" {
  description = "Memory of the checker. With it comes processor time: 1769 is one whole core, which sweeping 100,000 monitors wants."
  type        = number
  default     = 128

  validation {
    condition     = var.checker_memory_mb >= 128 && var.checker_memory_mb <= 10240 && floor(var.checker_memory_mb) == var.checker_memory_mb
    error_message = "checker_memory_mb must be a whole number from 128 to 10240."
  }
}

variable "checker_reserved_concurrency" {
  description = "How many checkers may run at once, such as 1. Not set, because two at once are harmless and a new account has no concurrency to reserve (its quota is 10, and 10 must stay unreserved)."
  type        = number
  default     = null

  validation {
    condition     = var.checker_reserved_concurrency == null ? true : var.checker_reserved_concurrency >= 1
    error_message = "checker_reserved_concurrency must be at least 1, or null. (schedule_enabled = false stops the checker.)"
  }
}

variable "outage_hold_minutes" {
  description = "How long silence is held back while pings may not have been heard, before it is told as unconfirmed. 0 = never."
  type        = number
  default     = 15

  validation {
    condition     = var.outage_hold_minutes >= 0 && var.outage_hold_minutes <= 1440 && floor(var.outage_hold_minutes) == var.outage_hold_minutes
    error_message = "outage_hold_minutes must be a whole number from 0 to 1440: longer would hide an outage."
  }
}

variable "outbound_url" {
  description = "Address that the checker calls after complete passes, at most each 30 s: a check of another Heartbeat, or of Healthchecks, that notices when it stops. It is in the state."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.outbound_url == null ? true : can(regex("^https?://[^/\\s]+(/\\S*)?$", var.outbound_url))
    error_message = "outbound_url must be an address such as https://hc-ping.com/…, without spaces."
  }
}

# The canary: a ping of the checker's through the public address, which proves that pings can be heard. README.md says how to
# make its key, for which everything else must be there.

variable "canary_api_key" {
  description = "API key of the canary, made by the command of the output add_canary_key_command. Left out: the one that is stored stays."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = var.canary_api_key == null ? true : can(regex("^hb_[0-9a-f]{72}$", var.canary_api_key))
    error_message = "canary_api_key must be hb_ and 72 digits, as heartbeat add-api-key shows it once: copy all of it, without quotes or spaces."
  }

  validation {
    condition     = var.canary_api_key == null || var.canary_api_key_version > 0
    error_message = "canary_api_key alone does nothing: set canary_api_key_version, to 1 the first time."
  }
}

variable "canary_api_key_version" {
  description = "0 = no canary; 1 makes it, with canary_api_key. Add 1 when the key changes, and give it: Terraform compares this number."
  type        = number
  default     = 0

  validation {
    condition     = var.canary_api_key_version >= 0 && floor(var.canary_api_key_version) == var.canary_api_key_version
    error_message = "canary_api_key_version must be a whole number from 0 on."
  }

  validation {
    condition     = var.canary_api_key_version == 0 || var.api_function || var.canary_url != null
    error_message = "A canary needs the address that jobs ping: set canary_url, or api_function."
  }
}

variable "canary_url" {
  description = "Address of the API that jobs ping, such as https://heartbeat.example.org. Left out: the API function's own."
  type        = string
  default     = null

  validation {
    condition     = var.canary_url == null ? true : can(regex("^https?://[^/?#\\s]+(/[^?#\\s]*)?$", var.canary_url))
    error_message = "canary_url must be an address such as https://heartbeat.example.org, without what comes after a ? or #."
  }
}

variable "log_level" {
  description = "What the functions log: error, warn, info, debug or trace."
  type        = string
  default     = "info"

  validation {
    condition     = contains(["error", "warn", "info", "debug", "trace"], var.log_level)
    error_message = "log_level must be error, warn, info, debug or trace."
  }
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 14

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653: CloudWatch takes no other."
  }
}

# The API: a function here, or a container of yours

variable "api_function" {
  description = "true makes the API a function with a public URL. Otherwise run it as a container: see on_premises_user and on_premises_ca_certificate."
  type        = bool
  default     = false
}

variable "api_zip" {
  description = "The API as ./scripts/build-lambda.sh makes it; a path from this folder."
  type        = string
  default     = "../target/lambda/heartbeat-api/bootstrap.zip"
}

variable "api_memory_mb" {
  description = "Memory of the API function, and with it its share of a processor."
  type        = number
  default     = 256

  validation {
    condition     = var.api_memory_mb >= 128 && var.api_memory_mb <= 10240 && floor(var.api_memory_mb) == var.api_memory_mb
    error_message = "api_memory_mb must be a whole number from 128 to 10240."
  }
}

variable "api_reserved_concurrency" {
  description = "How many requests the API function may serve at once: a ceiling for the bill. Not set, because a new account has none to reserve."
  type        = number
  default     = null

  validation {
    condition     = var.api_reserved_concurrency == null ? true : var.api_reserved_concurrency >= 1
    error_message = "api_reserved_concurrency must be at least 1, or null. (api_function = false removes the API.)"
  }
}

variable "on_premises_user" {
  description = "true makes an IAM user for an API that runs outside of AWS. You make its access key yourself, so that it is in no state."
  type        = bool
  default     = false
}

variable "on_premises_ca_certificate" {
  description = "A CA's certificate (PEM), for an API outside of AWS that has a certificate of it instead of an access key: IAM Roles Anywhere."
  type        = string
  default     = null

  validation {
    condition     = var.on_premises_ca_certificate == null ? true : can(regex("^\\s*-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\\s*$", var.on_premises_ca_certificate))
    error_message = "on_premises_ca_certificate must be one certificate in PEM, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----: -var=\"on_premises_ca_certificate=$(cat ca.pem)\"."
  }
}

variable "on_premises_common_name" {
  description = "The common name (CN) that the API's certificate must have; others of the same CA get nothing."
  type        = string
  default     = "heartbeat-api"

  validation {
    condition     = can(regex("^[^*?\\s]{1,64}$", var.on_premises_common_name))
    error_message = "on_premises_common_name must be 1 to 64 characters without spaces and wildcards."
  }
}

# The tables

variable "capacity" {
  description = "on_demand: pay for each read and write. provisioned: pay by the hour, whether used or not; the first 25 units of an account and region are free."
  type        = string
  default     = "on_demand"

  validation {
    condition     = contains(["on_demand", "provisioned"], var.capacity)
    error_message = "capacity must be on_demand or provisioned."
  }
}

variable "provisioned_units" {
  description = "Units a second of each table and index, where capacity is provisioned. The default is what is free: 25 reads and 25 writes in all."
  type = map(object({
    read  = number
    write = number
  }))
  # A ping is one write to the table and two to the overdue index, whose key it moves: 7 and 13 carry 6 pings a second,
  # and docs/scale.md says how many monitors that is. project-index is written when a monitor is made or deleted. Reads are
  # the audit's and a listing's (monitors), the look every 10 s (overdue-index); each place saves up 5 minutes of what it does not use.
  default = {
    monitors      = { read = 12, write = 7 }
    overdue-index = { read = 5, write = 13 }
    project-index = { read = 2, write = 1 }
    keys          = { read = 2, write = 1 }
    events        = { read = 2, write = 2 }
    directory     = { read = 2, write = 1 }
  }

  validation {
    condition     = length(setsubtract(["monitors", "overdue-index", "project-index", "keys", "events", "directory"], keys(var.provisioned_units))) == 0
    error_message = "provisioned_units must name all of monitors, overdue-index, project-index, keys, events and directory."
  }

  validation {
    condition     = alltrue([for units in values(var.provisioned_units) : min(units.read, units.write) >= 1 && floor(units.read) == units.read && floor(units.write) == units.write])
    error_message = "provisioned_units must be whole numbers, each at least 1."
  }
}

variable "point_in_time_recovery" {
  description = "Keeps 35 days of every table, to any second. Cents: it is charged by the size."
  type        = bool
  default     = true
}

variable "deletion_protection" {
  description = "Refuses to delete the tables. Set it to false and apply before a destroy."
  type        = bool
  default     = true
}
